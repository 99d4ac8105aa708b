"""Run a workflow's coroutine as far as the record goes, and record what it asks for next."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

from headrace.contracts.message import Message
from headrace.contracts.rebuild_events import RebuildBegun
from headrace.contracts.workflow_events import (
    ActivationYielded,
    WorkflowCancelled,
    WorkflowFailed,
    WorkflowStuck,
    WorkflowSucceeded,
    WorkflowTimedOut,
)
from headrace.engine.activations import DefinitionMissing, UnknownInterpreter
from headrace.engine.budget import BudgetExceeded
from headrace.engine.context import Context
from headrace.engine.decide.continuing import continued_event
from headrace.engine.decide.requests import event_of, size_of
from headrace.engine.decide.reusing import Ripe, received_again, reused
from headrace.engine.kernel.kernel import Kernel
from headrace.engine.kernel.outcomes import Cancelled, NonDeterministic, WorkflowFailure
from headrace.engine.kernel.requests import Continue
from headrace.engine.programs.program import Result
from headrace.engine.recent import HEAVY
from headrace.engine.run import Run
from headrace.engine.tracebacks import cause_of

PARKED_MS = 1_000
"""A run that only waits for timers, for as long as this, needs no live coroutine: it is rebuilt in less than a ms."""
TIMED_OUT_REASON = "headrace.WorkflowTimedOut"
"""The reason of a request to end that a workflow's own time limit made."""


def advance(context: Context, run: Run, now_ms: int) -> Iterator[Message]:
    """Yield the events of one activation. A decision that grows too large stops with `ActivationYielded`.

    A run that goes on with a smaller record goes on here too, in its next activation.
    """
    while not run.halted:
        at_once = context.limits.replay_at_once
        if len(run.log) > at_once and context.activations.behind(run) > at_once:
            yield RebuildBegun(workflow_id=run.workflow_id, run_id=run.run_id, at=now_ms)
            return
        kernel = yield from caught_up_or_stuck(context, run, now_ms)
        if kernel is not None and run.carried is not None:
            kernel = yield from _taken_over(context, run, kernel, now_ms)
        if kernel is None or not (yield from _activation(context, run, kernel, now_ms)):
            return


def _activation(context: Context, run: Run, kernel: Kernel, now_ms: int) -> Generator[Message, None, bool]:
    """Yield what a kernel asks for; return whether the run goes on with a smaller record now."""
    fresh = kernel.fresh
    while fresh:
        step, request = fresh[0]
        # A record takes at least one event, whatever its size: payloads have their own limit.
        if not context.has_room(size_of(request)):
            yield ActivationYielded(workflow_id=run.workflow_id, run_id=run.run_id, at=now_ms)
            return False
        fresh.popleft()
        if isinstance(request, Continue):
            context.activations.drop(run.run_id)
            yield continued_event(run, kernel, request, now_ms)
            return True
        yield event_of(context, run, step, request, now_ms)
    assert kernel.main is not None
    if kernel.main.done:
        yield from _finish(context, run, kernel, now_ms)
    elif run.sleeps_until(now_ms + PARKED_MS) and kernel.delivered < HEAVY:
        context.activations.drop(run.run_id)
    return False


def _taken_over(context: Context, run: Run, kernel: Kernel, now_ms: int) -> Generator[Message, None, Kernel | None]:
    """Let a retried run go as far as what it takes over leads; None when that waits, or when it is stuck."""
    ripe = Ripe()
    while True:
        while kernel.fresh:
            step, request = kernel.fresh[0]
            if isinstance(request, Continue):
                return kernel
            found = reused(run, kernel, ripe, step, request, now_ms)
            if not context.has_room(size_of(request) + (len(found.output) if found is not None else 0)):
                yield ActivationYielded(workflow_id=run.workflow_id, run_id=run.run_id, at=now_ms)
                return None
            kernel.fresh.popleft()
            yield found if found is not None else event_of(context, run, step, request, now_ms)
        signal = received_again(run, kernel, ripe, now_ms)
        if signal is not None:
            context.room.left -= len(signal.output)
            yield signal
        if kernel.delivered == len(run.log):
            return kernel
        ripe.delivered()
        following = yield from caught_up_or_stuck(context, run, now_ms, deliveries=1)
        if following is None:
            return None
        kernel = following


def caught_up_or_stuck(
    context: Context, run: Run, now_ms: int, *, deliveries: int | None = None
) -> Generator[Message, None, Kernel | None]:
    """Return the run's kernel, up to date, or after so many deliveries more; None after the run had to be parked, which
    the yielded event says.
    """
    try:
        return context.activations.caught_up(run, deliveries)
    except BudgetExceeded as error:
        yield from stuck(context, run, "headrace.BudgetExceeded", str(error), now_ms)
    except (NonDeterministic, DefinitionMissing, UnknownInterpreter) as error:
        yield from stuck(context, run, f"headrace.{type(error).__name__}", str(error), now_ms)
    except Exception as error:  # noqa: BLE001 (a definition that does not load, say: no other workflow must suffer)
        yield from stuck(context, run, "headrace.ActivationFailed", f"{type(error).__name__}: {error}", now_ms)
    return None


def stuck(context: Context, run: Run, error: str, cause: str, now_ms: int) -> Iterator[Message]:
    """Yield the event that parks a run for a human; its record stays as it is."""
    context.activations.drop(run.run_id)
    yield WorkflowStuck(
        workflow_id=run.workflow_id, run_id=run.run_id, error=error, cause=context.cut(cause), at=now_ms
    )


def _finish(context: Context, run: Run, kernel: Kernel, now_ms: int) -> Iterator[Message]:
    assert kernel.main is not None
    context.activations.drop(run.run_id)
    common: dict[str, Any] = {
        "workflow_id": run.workflow_id,
        "run_id": run.run_id,
        "parent": run.parent,
        "name": run.name,
        "started_at": run.started_at,
        "at": now_ms,
        "trace": run.trace,
    }
    error = kernel.main.error
    if error is None:
        result = kernel.main.result()
        assert isinstance(result, Result)
        limit = context.limits.payload_bytes
        if len(result.data) <= limit:
            yield WorkflowSucceeded(**common, key=run.key, output=result.data, content_type=result.content_type)
        else:
            cause = f"Expected an output of at most {limit} bytes, but it has {len(result.data)}; return a reference"
            yield WorkflowFailed(**common, error="headrace.OutputTooLarge", cause=cause)
    elif isinstance(error, Cancelled) and run.cancel_reason == TIMED_OUT_REASON:
        yield WorkflowTimedOut(**common, timeout_ms=run.timeout_ms)
    elif isinstance(error, Cancelled) and run.cancel_reason is not None:
        # What is noted on it: what could not be undone.
        yield WorkflowCancelled(
            **common, reason=context.cut("; ".join([run.cancel_reason, *getattr(error, "__notes__", ())]))
        )
    elif isinstance(error, WorkflowFailure):
        yield WorkflowFailed(**common, error=error.error, cause=context.cut(error.cause))
    else:
        yield WorkflowFailed(**common, error=type(error).__name__, cause=context.cut(cause_of(error)))
