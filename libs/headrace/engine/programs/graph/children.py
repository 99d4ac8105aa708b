"""Child workflows: their attempts and time limits, which for tasks are the dispatcher's and the decider's business."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from headrace.contracts.retry import RetryPolicy
from headrace.engine.kernel.futures import StepFuture
from headrace.engine.kernel.outcomes import TIMED_OUT, Outcome
from headrace.engine.kernel.requests import Sleep, StartChild
from headrace.engine.retry import retry_delay_ms

if TYPE_CHECKING:
    from headrace.engine.programs.graph.run import GraphRun


async def run_child(
    run: GraphRun, request: StartChild, policy: RetryPolicy | None, timeout_ms: int, wanted: Callable[[], bool]
) -> Outcome:
    """Return the outcome of a child's last attempt. `wanted` tells after each wait whether anybody still wants it."""
    attempt = 1
    while True:
        outcome = await _attempt(run, request, timeout_ms)
        if outcome.ok or not wanted():
            return outcome
        seed = f"{run.kernel.run_id}/{request.node}/{request.index}/{attempt}"
        delay_ms = retry_delay_ms(policy, attempt=attempt, error=outcome.error, seed=seed)
        if delay_ms is None:
            return outcome
        await run.outcome(run.begin(Sleep(node=request.node, index=request.index, duration_ms=delay_ms, limit=True)))
        if not wanted():
            return outcome
        attempt += 1


async def _attempt(run: GraphRun, request: StartChild, timeout_ms: int) -> Outcome:
    child = run.begin(msgspec.structs.replace(request, child_id=run.kernel.former_child(request)))
    if not timeout_ms:
        return await run.outcome(child)
    timer = run.begin(Sleep(node=request.node, index=request.index, duration_ms=timeout_ms, limit=True))
    first: StepFuture[None] = StepFuture(-1)
    for future in (child, timer):
        run.kernel.spawn(_tell(run, future, first))
    await first
    if child.done:
        run.give_up(request.node, "the child has ended", request.index)
        return child.result()
    run.give_up(request.node, f"it took longer than {timeout_ms} ms", request.index)
    return Outcome(TIMED_OUT, error="headrace.TaskTimedOut", cause=f"the child took longer than {timeout_ms} ms")


async def _tell(run: GraphRun, future: StepFuture[Outcome], first: StepFuture[None]) -> None:
    await run.outcome(future)
    run.kernel.settle(first, None)
