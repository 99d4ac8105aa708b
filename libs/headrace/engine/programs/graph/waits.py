"""Nodes that wait for the outside: for a signal, or for whoever gets the token of a callback from the node's task."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

import msgspec

from headrace.engine.expressions import ExpressionError, Scope
from headrace.engine.graph import Node
from headrace.engine.kernel.futures import Future, StepFuture
from headrace.engine.kernel.mailboxes import Receipt
from headrace.engine.kernel.outcomes import TIMED_OUT, Outcome
from headrace.engine.kernel.requests import OpenCallback, Sleep

if TYPE_CHECKING:
    from headrace.engine.programs.graph.run import GraphRun


def waits(node: Node) -> bool:
    """Tell whether a node waits for the outside."""
    return node.kind == "wait_for" or node.callback is not None


def begin_wait(run: GraphRun, node: Node, scope: Scope, index: int) -> Coroutine[Any, None, Outcome]:
    """Ask for what a node waits for; return what waits for its outcome.

    Raises:
        ExpressionError: a field has no value, or one that does not fit; nothing is open then.
    """
    evaluation = run.evaluation(node, scope, index)
    if node.kind == "wait_for":
        return _received(run, node, index, evaluation.signal(), evaluation.timeout_ms())
    timeout_ms, heartbeat_ms = evaluation.callback_ms()
    request = OpenCallback(node=node.name, index=index, timeout_ms=timeout_ms, heartbeat_ms=heartbeat_ms)
    # Who was asked for what is completed already, in the run before a retry, is not asked again.
    completed = run.kernel.carried_value(request.fingerprint()) is not None
    callback = run.begin(request)
    evaluation = run.evaluation(node, scope.with_values(token=run.kernel.token(callback.step)), index)
    try:
        asking = evaluation.request(run.input_of(node, evaluation))
        task = run.begin(msgspec.structs.replace(asking, on_retry="keep" if completed else "redo"))
    except ExpressionError:
        run.give_up(node.name, "its task could not be run", index)
        raise
    return _completed(run, node, index, callback, task)


async def _received(run: GraphRun, node: Node, index: int, name: str, timeout_ms: int) -> Outcome:
    receipt = run.kernel.receive(name)
    if not receipt.done:
        if timeout_ms:
            timer = run.begin(Sleep(node=node.name, index=index, duration_ms=timeout_ms, limit=True))
            run.kernel.spawn(_expire(run, timer, receipt))
        run.await_signal(receipt, node.name, index)
        await receipt
        run.give_up(node.name, "the wait is over", index)
    signal = receipt.result()
    if signal is None:
        cause = f"no signal {name} within {timeout_ms} ms"
        return Outcome(TIMED_OUT, error="headrace.ReceiveTimedOut", cause=cause)
    return signal


async def _expire(run: GraphRun, timer: StepFuture[Outcome], receipt: Receipt) -> None:
    if (await run.outcome(timer)).ok and not receipt.done:
        run.kernel.withdraw(receipt)


async def _completed(
    run: GraphRun, node: Node, index: int, callback: StepFuture[Outcome], task: StepFuture[Outcome]
) -> Outcome:
    """Wait for both: the task that gives the token away must succeed, and the output is what it was completed with."""
    over: Future[None] = Future()

    async def watch(future: StepFuture[Outcome]) -> None:
        if not (await run.outcome(future)).ok or (task.done and callback.done):
            run.kernel.settle(over, None)

    for future in (task, callback):
        run.kernel.spawn(watch(future))
    await over
    for future in (task, callback):
        if future.done and not future.result().ok:
            run.give_up(node.name, "its task or its callback did not succeed", index)
            return future.result()
    return callback.result()
