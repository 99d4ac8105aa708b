"""State changes of task steps and their leases."""

from __future__ import annotations

from headrace.contracts.backlog_events import TaskHeld
from headrace.contracts.lease_events import LeaseRecorded, LeaseRequested
from headrace.contracts.task_events import (
    AssignmentRevoked,
    NodeEnded,
    TaskCancelled,
    TaskFailed,
    TaskRefused,
    TaskReleased,
    TaskScheduled,
    TaskSkipped,
    TaskSucceeded,
    TaskTimedOut,
)
from headrace.engine.identity import input_digest
from headrace.engine.kernel.outcomes import FAILED, SUCCEEDED, TIMED_OUT, Outcome
from headrace.engine.kernel.requests import task_fingerprint
from headrace.engine.run import BACKOFF, LEASE, SCHEDULED, TASK, Delivered, OpenStep, Run
from headrace.engine.state import ShardState


def open_task(run: Run, event: TaskScheduled | TaskHeld | LeaseRequested) -> OpenStep:
    """Return the open step of a task; the first event of a step makes it and takes the step's place in the record."""
    step = run.open.get(event.step)
    if step is None:
        step = run.open[event.step] = OpenStep(kind=TASK, node=event.node, index=event.index, task=event.task)
        run.steps.append(task_fingerprint(event.node, event.index, event.task))
    return step


def task_scheduled(state: ShardState, event: TaskScheduled) -> None:
    """An attempt goes to the dispatcher."""
    step = open_task(state.runs[event.workflow_id], event)
    step.phase = SCHEDULED
    step.attempt = event.attempt
    step.queue = event.queue
    step.losses = event.losses
    step.retry = event.retry
    if not step.digest:
        step.digest = input_digest(event.input)
    if event.rules is not None:
        step.close_by = event.rules.close_by


def lease_requested(state: ShardState, event: LeaseRequested) -> None:
    """An attempt waits for its lease."""
    step = open_task(state.runs[event.workflow_id], event)
    step.phase = LEASE
    step.attempt = event.attempt
    step.resource = event.resource
    step.fencing_token = 0


def lease_recorded(state: ShardState, event: LeaseRecorded) -> None:
    """An attempt holds its lease."""
    state.runs[event.workflow_id].open[event.step].fencing_token = event.fencing_token


def task_released(state: ShardState, event: TaskReleased) -> None:
    """An attempt lost its worker and gave its lease back; it will ask for another."""
    step = state.runs[event.workflow_id].open[event.step]
    step.fencing_token = 0
    step.losses = event.losses


def assignment_revoked(state: ShardState, event: AssignmentRevoked) -> None:
    """A failure that this assignment, or an older one, still reports does not count."""
    state.runs[event.workflow_id].open[event.step].revoked = event.assignment


def task_succeeded(state: ShardState, event: TaskSucceeded) -> None:
    """The step ends with its payload."""
    _end(state.runs[event.workflow_id], event.step, Outcome(SUCCEEDED, event.output, event.content_type), event.at)


def task_failed(state: ShardState, event: TaskFailed) -> None:
    """An attempt failed: the step ends, or its next attempt is due later."""
    run = state.runs[event.workflow_id]
    if event.retry_at:
        _back_off(state, run, event.step, event.retry_at)
    else:
        _end(run, event.step, Outcome(FAILED, error=event.error, cause=event.cause), event.at)


def task_timed_out(state: ShardState, event: TaskTimedOut) -> None:
    """An attempt took too long: the step ends, or its next attempt is due later."""
    run = state.runs[event.workflow_id]
    if event.retry_at:
        _back_off(state, run, event.step, event.retry_at)
    else:
        _end(run, event.step, Outcome(TIMED_OUT, error="headrace.TaskTimedOut", cause=event.cause), event.at)


def task_cancelled(state: ShardState, event: TaskCancelled) -> None:
    """The run gave the step up; giving up is a recorded request too."""
    run = state.runs[event.workflow_id]
    run.open.pop(event.step, None)
    run.steps.append(f"cancel {event.step}")


def task_skipped(state: ShardState, event: TaskSkipped) -> None:
    """A note, which took a step number."""
    state.runs[event.workflow_id].steps.append(f"skip {event.node} {event.index}")


def task_refused(state: ShardState, event: TaskRefused) -> None:
    """A note, which took a step number."""
    state.runs[event.workflow_id].steps.append(f"refuse {event.node} {event.index}")


def node_ended(state: ShardState, event: NodeEnded) -> None:
    """A note, which took a step number."""
    state.runs[event.workflow_id].steps.append(f"end {event.node} {event.index}")


def _end(run: Run, step: int, outcome: Outcome, at: int) -> None:
    ended = run.open.pop(step)
    run.log.append(Delivered(step, outcome, at, "", ended.digest if outcome.ok else b""))


def _back_off(state: ShardState, run: Run, step: int, retry_at: int) -> None:
    open_step = run.open[step]
    open_step.phase = BACKOFF
    open_step.due_at = retry_at
    open_step.fencing_token = 0
    state.set_timer(retry_at, run.workflow_id, step)
