"""Events of tasks as the decision service tells them, and of what else is a step: sleeps, children, skipped nodes."""

from __future__ import annotations

from headrace.contracts.backlog_events import TaskHeld
from headrace.contracts.child_events import ChildEnded, ChildRequested
from headrace.contracts.io_accounts import TaskIo
from headrace.contracts.lease_events import LeaseRequested
from headrace.contracts.task_events import (
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
from headrace.contracts.timer_events import TimerCancelled, TimerFired, TimerStarted
from headrace_status.fold.changes import (
    FINAL_STATUSES,
    RUNNING,
    SCHEDULED,
    WAITING,
    Changes,
    CloseTasks,
    Origin,
    Put,
    final,
    task_key,
)
from headrace_status.fold.payload import json_text, plain

# Sleeps and children are tried once; what never had an attempt (a skipped node) stands under attempt 0.
ONLY_ATTEMPT = 1
NO_ATTEMPT = 0


def lease_requested(event: LeaseRequested, _origin: Origin) -> Changes:
    """The attempt waits for units of a resource."""
    values = {
        "node": event.node,
        "index": event.index,
        "task": event.task,
        "kind": "task",
        "priority": event.priority,
        "resource": event.resource,
        "units": event.units,
        "decided": WAITING,
        "reason": f"waits for {event.units} of resource {event.resource}",
    }
    yield Put("tasks", task_key(event), values)


def task_scheduled(event: TaskScheduled, _origin: Origin) -> Changes:
    """The attempt is ready to run."""
    values = {
        "node": event.node,
        "index": event.index,
        "task": event.task,
        "kind": "task",
        "queue": event.queue,
        "priority": event.priority,
        "decided": SCHEDULED,
        "reason": "",
        "scheduled_at": event.at,
        "retry_at": 0,
        "timeout_ms": event.timeout_ms,
        "input": json_text(event.input, event.content_type),
        "input_bytes": len(event.input),
    }
    if event.resource:
        values |= {
            "resource": event.resource,
            "units": event.units,
            "fencing_token": event.fencing_token,
        }
    if event.losses:
        values["losses"] = event.losses
    if event.rules is not None and event.rules.fairness_key:
        values["fairness_key"] = plain(event.rules.fairness_key)
    yield Put("tasks", task_key(event), values)


def task_held(event: TaskHeld, _origin: Origin) -> Changes:
    """The attempt is ready, but its queue is full."""
    values = {
        "node": event.node,
        "index": event.index,
        "task": event.task,
        "kind": "task",
        "queue": event.queue,
        "priority": event.priority,
        "decided": WAITING,
        "reason": event.reason,
        "held_at": event.at,
        "retry_at": 0,
    }
    yield Put("tasks", task_key(event), values)


def task_succeeded(event: TaskSucceeded, _origin: Origin) -> Changes:
    """The task has a result."""
    values = {
        "node": event.node,
        "index": event.index,
        "task": event.task,
        "kind": "task",
        "queue": event.queue,
        "decided": FINAL_STATUSES["SUCCEEDED"],
        "reason": "",
        "result_worker": event.worker,
        "started_at": event.started_at,
        "ended_at": event.ended_at or event.at,
        "output": json_text(event.output, event.content_type),
        "output_bytes": len(event.output),
    }
    yield Put("tasks", task_key(event), values)
    if event.io is not None:
        yield from _accounts(event, event.io, succeeded=True)


def task_failed(event: TaskFailed, _origin: Origin) -> Changes:
    """The attempt failed; another one follows where `retry_at` says when."""
    yield from _attempt_over(event, "FAILED", event.error, event.cause, event.started_at, event.ended_at)
    if event.io is not None:
        yield from _accounts(event, event.io, succeeded=False)


def task_timed_out(event: TaskTimedOut, _origin: Origin) -> Changes:
    """The attempt took too long; another one follows where `retry_at` says when."""
    cause = event.cause or f"the {event.timeout} time-out passed"
    yield from _attempt_over(event, "TIMED_OUT", "headrace.TaskTimedOut", cause, 0, 0)


def task_released(event: TaskReleased, _origin: Origin) -> Changes:
    """The worker was lost under a lease; the attempt waits for a new one."""
    values = {
        "decided": WAITING,
        "reason": "its worker was lost; waits for a new lease",
        "held_at": 0,
        "losses": event.losses,
    }
    yield Put("tasks", task_key(event), values)


def task_cancelled(event: TaskCancelled, _origin: Origin) -> Changes:
    """The step was cancelled, whichever attempt was open."""
    yield CloseTasks(event.workflow_id, event.run_id, event.step, event.reason, event.at)


def task_skipped(event: TaskSkipped, _origin: Origin) -> Changes:
    """The node does not run."""
    values = {
        "node": event.node,
        "index": event.index,
        "kind": "task",
        "decided": final(event.status),
        "reason": event.reason,
        "ended_at": event.at,
    }
    yield Put("tasks", task_key(event, NO_ATTEMPT), values)


def task_refused(event: TaskRefused, _origin: Origin) -> Changes:
    """The node failed before any attempt."""
    values = {
        "node": event.node,
        "index": event.index,
        "kind": "task",
        "decided": FINAL_STATUSES["FAILED"],
        "error": event.error,
        "cause": event.cause,
        "ended_at": event.at,
    }
    yield Put("tasks", task_key(event, NO_ATTEMPT), values)


def node_ended(event: NodeEnded, _origin: Origin) -> Changes:
    """A node that stands for several steps, or none, is over."""
    values = {
        "step": event.step,
        "status": event.status,
        "error": event.error,
        "cause": event.cause,
        "ended_at": event.at,
    }
    yield Put("nodes", (event.workflow_id, event.run_id, event.node), values)


def timer_started(event: TimerStarted, _origin: Origin) -> Changes:
    """The node sleeps."""
    values = {
        "node": event.node,
        "index": event.index,
        "kind": "timer",
        "decided": RUNNING,
        "scheduled_at": event.at,
        "started_at": event.at,
        "retry_at": event.due_at,
        "reason": "sleeps",
    }
    yield Put("tasks", task_key(event, ONLY_ATTEMPT), values)


def timer_fired(event: TimerFired, _origin: Origin) -> Changes:
    """The sleep is over."""
    values = {
        "decided": FINAL_STATUSES["SUCCEEDED"],
        "ended_at": event.at,
        "reason": "",
    }
    yield Put("tasks", task_key(event, ONLY_ATTEMPT), values)


def timer_cancelled(event: TimerCancelled, _origin: Origin) -> Changes:
    """The sleep was given up."""
    values = {
        "decided": FINAL_STATUSES["CANCELLED"],
        "ended_at": event.at,
        "reason": "",
    }
    yield Put("tasks", task_key(event, ONLY_ATTEMPT), values)


def child_requested(event: ChildRequested, _origin: Origin) -> Changes:
    """The node runs another workflow."""
    values = {
        "node": event.node,
        "index": event.index,
        "task": event.name,
        "kind": "child",
        "decided": RUNNING,
        "scheduled_at": event.at,
        "started_at": event.at,
        "child_id": event.child_id,
        "input": json_text(event.input, event.content_type),
        "input_bytes": len(event.input),
    }
    yield Put("tasks", task_key(event, ONLY_ATTEMPT), values)


def child_ended(event: ChildEnded, _origin: Origin) -> Changes:
    """The other workflow is over."""
    values = {
        "node": event.node,
        "index": event.index,
        "kind": "child",
        "child_id": event.child_id,
        "decided": final(event.status),
        "ended_at": event.at,
        "output": json_text(event.output, event.content_type),
        "output_bytes": len(event.output),
        "error": event.error,
        "cause": event.cause,
    }
    yield Put("tasks", task_key(event, ONLY_ATTEMPT), values)


def _attempt_over(
    event: TaskFailed | TaskTimedOut,
    status: str,
    error: str,
    cause: str,
    started_at: int,
    ended_at: int,
) -> Changes:
    values = {
        "node": event.node,
        "index": event.index,
        "task": event.task,
        "kind": "task",
        "queue": event.queue,
        "decided": FINAL_STATUSES[status],
        "reason": "",
        "result_worker": event.worker or None,
        "started_at": started_at or None,
        "ended_at": ended_at or event.at,
        "retry_at": event.retry_at,
        "error": error,
        "cause": cause,
    }
    yield Put("tasks", task_key(event), values)
    if event.retry_at:
        again = {
            "node": event.node,
            "index": event.index,
            "task": event.task,
            "kind": "task",
            "queue": event.queue,
            "decided": WAITING,
            "reason": f"tried again after {error}",
            "retry_at": event.retry_at,
        }
        yield Put("tasks", task_key(event, event.attempt + 1), again)


def _accounts(event: TaskSucceeded | TaskFailed, io: TaskIo, *, succeeded: bool) -> Changes:
    """What the attempt said that it read and wrote."""
    for account in io.datasets:
        values = {
            "name": io.workflow,
            "version": io.version,
            "node": event.node,
            "index": event.index,
            "task": event.task,
            "succeeded": succeeded,
            "rows": account.rows,
            "bytes": account.bytes,
            "at": event.ended_at or event.at,
        }
        yield Put("io", (*task_key(event), plain(account.dataset)), values)
