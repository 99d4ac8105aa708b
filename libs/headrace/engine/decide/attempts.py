"""What follows when an attempt of a task does not succeed: another attempt later, or the end of the step."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence

import msgspec

from headrace.contracts.io_accounts import TaskIo
from headrace.contracts.message import Message
from headrace.contracts.task_events import TaskFailed, TaskTimedOut
from headrace.engine.context import Context
from headrace.engine.decide.advance import advance, caught_up_or_stuck
from headrace.engine.decide.requests import attempt_event, size_of
from headrace.engine.kernel.requests import RunTask
from headrace.engine.retry import retry_delay_ms
from headrace.engine.run import BACKOFF, OpenStep, Run


def request_of(context: Context, run: Run, step: int, now_ms: int) -> Generator[Message, None, RunTask | None]:
    """Return what the program asked for at an open task step; the coroutine is rebuilt where it is not live.

    None when that parts from the record or takes too much: the run is stuck then, and the event that says so was
    yielded. None, too, when the coroutine has given the step up while it caught up: it goes on, and what it asked for
    is yielded.
    """
    kernel = yield from caught_up_or_stuck(context, run, now_ms)
    if kernel is None:
        return None
    request = kernel.open.get(step)
    if request is None:
        yield from advance(context, run, now_ms)
        return None
    assert isinstance(request, RunTask), f"Expected step {step} of {run.workflow_id} to be a task, but found {request}"
    return request


def attempt_failed(
    context: Context,
    run: Run,
    step: int,
    *,
    error: str,
    cause: str,
    now_ms: int,
    retryable: bool = True,
    bases: Sequence[str] = (),
    assignment: int = 0,
    worker: str = "",
    started_at: int = 0,
    ended_at: int = 0,
    io: TaskIo | None = None,
) -> Iterator[Message]:
    """Record a failure; the workflow goes on when it is final."""
    found = run.open[step]
    retry_at = _retry_at(run, step, error, now_ms, bases) if retryable else 0
    yield TaskFailed(
        workflow_id=run.workflow_id,
        run_id=run.run_id,
        step=step,
        attempt=found.attempt,
        node=found.node,
        index=found.index,
        task=found.task,
        queue=found.queue,
        error=error,
        cause=context.cut(cause),
        retry_at=retry_at,
        assignment=assignment,
        worker=worker,
        started_at=started_at,
        ended_at=ended_at,
        fencing_token=lease_mark(found),
        io=io_of(run, io),
        at=now_ms,
    )
    if not retry_at:
        yield from advance(context, run, now_ms)


def attempt_timed_out(
    context: Context,
    run: Run,
    step: int,
    *,
    timeout: str,
    now_ms: int,
    assignment: int = 0,
    worker: str = "",
) -> Iterator[Message]:
    """Record a time-out; the workflow goes on when it is final."""
    found = run.open[step]
    # Beyond the time for all attempts there is no other one.
    final = timeout == "schedule_to_close"
    retry_at = 0 if final else _retry_at(run, step, "headrace.TaskTimedOut", now_ms)
    yield TaskTimedOut(
        workflow_id=run.workflow_id,
        run_id=run.run_id,
        step=step,
        attempt=found.attempt,
        node=found.node,
        index=found.index,
        task=found.task,
        queue=found.queue,
        timeout=timeout,
        cause=f"attempt {found.attempt} of {found.task} exceeded its {timeout} limit",
        retry_at=retry_at,
        assignment=assignment,
        worker=worker,
        fencing_token=lease_mark(found),
        at=now_ms,
    )
    if not retry_at:
        yield from advance(context, run, now_ms)


def next_attempt(context: Context, run: Run, step: int, now_ms: int) -> Iterator[Message]:
    """Begin the attempt that a failure put off."""
    found = run.open[step]
    assert found.phase == BACKOFF
    request = yield from request_of(context, run, step, now_ms)
    if request is not None:
        context.room.left -= size_of(request)
        yield attempt_event(run, step, request, attempt=found.attempt + 1, losses=0, now_ms=now_ms)


def lease_mark(step: OpenStep) -> int:
    """Return the token of the lease that ends with this attempt; -1 for a request that was not granted yet, 0 for
    none.
    """
    return step.fencing_token or (-1 if step.resource else 0)


def io_of(run: Run, io: TaskIo | None) -> TaskIo | None:
    """Return a worker's account with the definition that it belongs to, which the worker does not know."""
    return None if io is None else msgspec.structs.replace(io, workflow=run.name, version=run.version)


def _retry_at(run: Run, step: int, error: str, now_ms: int, bases: Sequence[str] = ()) -> int:
    """Return when the next attempt is due; 0 when the failure is final. A run that was asked to end does not retry."""
    if run.cancel_reason is not None:
        return 0
    found = run.open[step]
    seed = f"{run.run_id}/{step}/{found.attempt}"
    pause = retry_delay_ms(found.retry, attempt=found.attempt, error=error, bases=bases, seed=seed)
    if pause is None or (found.close_by and now_ms + pause >= found.close_by):
        return 0
    return now_ms + pause
