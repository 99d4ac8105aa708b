"""Every attempt of every task: scheduled in turn, ended once, as its function and its retry rules say."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.backlog_events import TaskHeld
from headrace.contracts.dispatch_events import AttemptLost
from headrace.contracts.lease_events import LeaseRequested
from headrace.contracts.retry import RetryPolicy
from headrace.contracts.task_events import (
    AssignmentRevoked,
    TaskFailed,
    TaskScheduled,
    TaskSucceeded,
    TaskTimedOut,
)
from headrace.contracts.timer_events import TimerFired, TimerStarted
from headrace.contracts.topics import TASK_JOURNAL
from tests.simulation.checkers.histories import History, Step
from tests.simulation.checkers.journals import Journals
from tests.simulation.workflows.tasks import verdict_of

POISON = "headrace.PoisonTask"


def check(journals: Journals, runs: dict[str, History]) -> Iterator[str]:
    """Yield what is wrong."""
    poisoned = {
        (event.run_id, event.step, event.attempt)
        for _, _, event in journals.events(TASK_JOURNAL)
        if isinstance(event, AttemptLost) and event.poison
    }
    for run in runs.values():
        for step in run.steps.values():
            for problem in _step(run, step, poisoned):
                yield f"{run.name} step {step.number} {step.node}[{step.index}]: {problem}"


def _step(  # noqa: C901, PLR0912  one case per event, in the order of a step's life
    run: History, step: Step, poisoned: set[tuple[str, int, int]]
) -> Iterator[str]:
    attempt, not_before, revoked = 0, 0, 0
    scheduled: TaskScheduled | None = None
    held: TaskHeld | None = None
    for event in step.events:
        match event:
            case TimerStarted():
                not_before = event.due_at
            case TimerFired():
                if event.at < not_before:
                    yield f"Expected the timer to fire at {not_before} or later, but it did at {event.at}"
            case AssignmentRevoked():
                revoked = max(revoked, event.assignment)
            case LeaseRequested() | TaskScheduled() | TaskHeld():
                if event.attempt not in (attempt, attempt + 1):
                    yield f"Expected attempt {attempt + 1}, but found {event}"
                if event.at < not_before:
                    yield f"Expected the next attempt at {not_before} or later, but it came at {event.at}"
                if event.attempt != attempt:
                    revoked = 0
                attempt = event.attempt
                held = event if isinstance(event, TaskHeld) else None
                if isinstance(event, TaskScheduled):
                    scheduled = event
                    if bool(event.resource) != bool(event.fencing_token):
                        yield f"Expected a token where a resource is asked for, and only there, but found {event}"
            case TaskTimedOut() if held is not None and held.attempt == event.attempt:
                yield from _held_too_long(run, held, event)
                not_before, held = event.retry_at, None
            case TaskSucceeded() | TaskFailed() | TaskTimedOut():
                if scheduled is None or event.attempt != attempt or scheduled.attempt != attempt:
                    yield f"Expected the end of the open attempt {attempt}, but found {event}"
                    return
                yield from _ended(run, scheduled, event, revoked, poisoned)
                if not isinstance(event, TaskSucceeded):
                    not_before, scheduled = event.retry_at, None


def _held_too_long(run: History, held: TaskHeld, event: TaskTimedOut) -> Iterator[str]:
    """An attempt that never left the decision service ends by a limit of its own, and is tried again by its rules."""
    if not held.due_at or event.timeout != held.timeout or event.at < held.due_at:
        yield f"Expected {held} to time out by its limit, but found {event}"
    pause = None if held.timeout == "schedule_to_close" else _pause(held.retry, held.attempt, "headrace.TaskTimedOut")
    in_time = pause is not None and (not held.close_by or event.at + pause < held.close_by)
    if bool(event.retry_at) != (in_time and run.cancel is None) and not run.cancel:
        yield f"Expected another attempt of {held}: {in_time}, but found {event}"


def _ended(
    run: History,
    scheduled: TaskScheduled,
    event: TaskSucceeded | TaskFailed | TaskTimedOut,
    revoked: int,
    poisoned: set[tuple[str, int, int]],
) -> Iterator[str]:
    wanted = verdict_of(scheduled)
    if isinstance(event, TaskSucceeded):
        if wanted.error or wanted.output != event.output:
            yield f"Expected attempt {scheduled.attempt} to come to {wanted}, but found {event}"
        return
    if isinstance(event, TaskTimedOut):
        error, retryable = "headrace.TaskTimedOut", event.timeout != "schedule_to_close"
        if not _limits(scheduled).get(event.timeout):
            yield f"Expected no time-out, since there is no such limit, but found {event}"
    elif event.error == POISON:
        error, retryable = POISON, False
        if (run.started.run_id, scheduled.step, scheduled.attempt) not in poisoned:
            yield f"Expected poison only where the dispatcher found it, but found {event}"
    else:
        error, retryable = wanted.error, wanted.retryable
        if error != event.error:
            yield f"Expected attempt {scheduled.attempt} to come to {wanted}, but found {event}"
        if event.assignment <= revoked:
            yield f"Expected no failure of assignment {event.assignment}, which was taken back, but found {event}"
    pause = _pause(scheduled.retry, scheduled.attempt, error) if retryable else None
    if pause is None and event.retry_at:
        yield f"Expected a final failure of {error}, but found {event}"
    close_by = scheduled.rules.close_by if scheduled.rules is not None else 0
    in_time = pause is not None and (not close_by or event.at + pause < close_by)
    if in_time and not event.retry_at and run.cancel is None:
        yield f"Expected another attempt after {error}, but found {event}"
    if event.retry_at and event.retry_at < event.at + (pause or 0):
        yield f"Expected a pause of {pause} ms, but found {event}"


def _limits(scheduled: TaskScheduled) -> dict[str, int]:
    """Return the limits of an attempt by the names that time-outs have for them; 0 where there is none."""
    rules = scheduled.rules
    return {
        "start_to_close": scheduled.timeout_ms,
        "heartbeat": scheduled.heartbeat_ms,
        "schedule_to_start": rules.schedule_to_start_ms if rules is not None else 0,
        "schedule_to_close": rules.close_by if rules is not None else 0,
    }


def _pause(policy: RetryPolicy | None, attempt: int, error: str) -> int | None:
    """Return the least pause before the next attempt; None where there is none. These workflows match no names."""
    if policy is None:
        return None
    if policy.schedule:
        return policy.schedule[attempt - 1] if attempt <= len(policy.schedule) else None
    return policy.interval_ms if attempt < policy.max_attempts else None
