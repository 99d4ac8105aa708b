"""Events of tasks as the dispatcher tells them. They may be read before the decision service's own: so each names what
it knows.
"""

from __future__ import annotations

from typing import Any

from headrace.contracts.dispatch_events import (
    AssignmentsEnded,
    AttemptLost,
    TaskAssigned,
    TaskDropped,
    TaskQueued,
    TaskRequeued,
    TaskServed,
    TaskUnserved,
)
from headrace.contracts.task_events import TaskScheduled
from headrace_status.fold.changes import (
    ASSIGNED,
    NOT_DISPATCHED,
    QUEUED,
    UNSERVED,
    Changes,
    Delete,
    Origin,
    Put,
    task_key,
)


def task_queued(event: TaskQueued, _origin: Origin) -> Changes:
    """No slot is free; the task waits."""
    values = {
        **_named(event.task),
        "dispatched": QUEUED,
        "dispatch_reason": "",
        "assigned_worker": "",
        "assigned_at": 0,
    }
    yield Put("tasks", task_key(event.task), values)


def task_assigned(event: TaskAssigned, origin: Origin) -> Changes:
    """A worker is to run it."""
    task = event.task
    values = {
        **_named(task),
        "dispatched": ASSIGNED,
        "dispatch_reason": "",
        "assigned_worker": event.worker,
        "assigned_at": event.at,
    }
    yield Put("tasks", task_key(task), values)
    holds = {
        "worker": event.worker,
        "workflow_id": task.workflow_id,
        "run_id": task.run_id,
        "step": task.step,
        "attempt": task.attempt,
        "node": task.node,
        "index": task.index,
        "task": task.task,
        "queue": task.queue,
        "at": event.at,
    }
    yield Put("assignments", (origin.partition, event.assignment), holds)


def assignments_ended(event: AssignmentsEnded, origin: Origin) -> Changes:
    """Slots are free again."""
    for assignment in event.assignments:
        yield Delete("assignments", (origin.partition, assignment))


def task_requeued(event: TaskRequeued, origin: Origin) -> Changes:
    """An assignment was taken back; the task waits again."""
    yield Delete("assignments", (origin.partition, event.assignment))
    if event.run_id:
        values = {
            "dispatched": QUEUED,
            "dispatch_reason": f"queued again: {event.reason}",
            "assigned_worker": "",
            "assigned_at": 0,
            "losses": event.losses,
        }
        yield Put("tasks", task_key(event), values)


def task_dropped(event: TaskDropped, _origin: Origin) -> Changes:
    """The dispatcher forgets a waiting task."""
    values = {
        "dispatched": NOT_DISPATCHED,
        "dispatch_reason": "",
        "assigned_worker": "",
        "assigned_at": 0,
    }
    yield Put("tasks", task_key(event), values)


def attempt_lost(event: AttemptLost, origin: Origin) -> Changes:
    """The worker was lost; what follows is the decision service's to say."""
    yield Delete("assignments", (origin.partition, event.assignment))
    values = {
        "dispatched": NOT_DISPATCHED,
        "dispatch_reason": f"worker {event.worker} was lost",
        "assigned_worker": "",
        "assigned_at": 0,
        "losses": event.losses,
    }
    yield Put("tasks", task_key(event), values)


def task_unserved(event: TaskUnserved, _origin: Origin) -> Changes:
    """No living worker offers the task."""
    values = {
        "queue": event.queue,
        "dispatched": UNSERVED,
        "dispatch_reason": event.reason,
    }
    yield Put("tasks", task_key(event), values)


def task_served(event: TaskServed, _origin: Origin) -> Changes:
    """A worker appeared for it."""
    yield Put("tasks", task_key(event), {"dispatched": QUEUED, "dispatch_reason": ""})


def _named(task: TaskScheduled) -> dict[str, Any]:
    return {
        "node": task.node,
        "index": task.index,
        "task": task.task,
        "kind": "task",
        "queue": task.queue,
        "priority": task.priority,
    }
