"""What the dispatcher found of an attempt: it took too long, its worker was lost, or its assignment was taken back."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.dispatch_events import AttemptLost, AttemptTimedOut, TaskRequeued
from headrace.contracts.message import Message
from headrace.contracts.task_events import AssignmentRevoked, TaskReleased
from headrace.engine.context import Context
from headrace.engine.decide.attempts import attempt_failed, attempt_timed_out, request_of
from headrace.engine.decide.requests import attempt_event
from headrace.engine.run import SCHEDULED, TASK, OpenStep, Run
from headrace.engine.state import ShardState


def attempt_timed_out_at_dispatcher(
    context: Context, state: ShardState, event: AttemptTimedOut, now_ms: int
) -> Iterator[Message]:
    """The attempt took too long: try again or end the step, by the step's retry rules."""
    run, step = _find(state, event)
    if run is not None and step is not None:
        yield from attempt_timed_out(
            context,
            run,
            event.step,
            timeout=event.timeout,
            assignment=event.assignment,
            worker=event.worker,
            now_ms=now_ms,
        )


def attempt_lost(context: Context, state: ShardState, event: AttemptLost, now_ms: int) -> Iterator[Message]:
    """A poisonous task fails; one that held a lease gives it back, asks for another, and runs again as the same
    attempt.
    """
    run, step = _find(state, event)
    if run is None or step is None:
        return
    if event.poison:
        cause = (
            f"Expected a task that leaves its worker alive, but {event.losses} workers were lost with it, "
            f"the last one {event.worker}; HEADRACE_EXECUTION_POISON_LOSSES says how many are too many"
        )
        yield from attempt_failed(
            context,
            run,
            event.step,
            error="headrace.PoisonTask",
            cause=cause,
            retryable=False,
            assignment=event.assignment,
            worker=event.worker,
            now_ms=now_ms,
        )
        return
    yield _revoked(event, now_ms)
    yield TaskReleased(
        workflow_id=run.workflow_id,
        run_id=run.run_id,
        step=event.step,
        attempt=event.attempt,
        fencing_token=step.fencing_token,
        losses=event.losses,
        at=now_ms,
    )
    request = yield from request_of(context, run, event.step, now_ms)
    if request is None:
        return
    yield attempt_event(run, event.step, request, attempt=event.attempt, losses=event.losses, now_ms=now_ms)


def task_requeued(state: ShardState, event: TaskRequeued, now_ms: int) -> Iterator[Message]:
    """Remember the assignment that was taken back, so that a failure which it still reports does not count."""
    run, step = _find(state, event)
    if run is not None and step is not None and event.assignment > step.revoked:
        yield _revoked(event, now_ms)


def _revoked(event: AttemptLost | TaskRequeued, now_ms: int) -> AssignmentRevoked:
    return AssignmentRevoked(
        workflow_id=event.workflow_id,
        run_id=event.run_id,
        step=event.step,
        attempt=event.attempt,
        assignment=event.assignment,
        at=now_ms,
    )


def _find(state: ShardState, event: AttemptTimedOut | AttemptLost | TaskRequeued) -> tuple[Run | None, OpenStep | None]:
    run = state.run_of(event.workflow_id, event.run_id)
    step = run.open.get(event.step) if run is not None else None
    if step is None or step.kind != TASK or step.phase != SCHEDULED or step.attempt != event.attempt:
        return run, None
    return run, step
