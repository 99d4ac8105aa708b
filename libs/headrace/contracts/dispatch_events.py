"""Events in the life of a task, as the dispatcher sees it. Field docs: the schemas of the same names."""

from __future__ import annotations

import msgspec

from headrace.contracts.message import Message
from headrace.contracts.reports import AttemptNote, FinishedAssignment
from headrace.contracts.task_events import TaskScheduled


class TaskQueued(Message, frozen=True, kw_only=True):
    """A ready task waits for a worker; it carries all that an assignment needs."""

    task: TaskScheduled
    shard: int
    at: int


class AttemptNotes(Message, frozen=True, kw_only=True):
    """What earlier runs of a task have left to the next one; empty where there is nothing."""

    details: bytes = b""
    handle: bytes = b""


class AttemptsNoted(Message, frozen=True, kw_only=True):
    """What running attempts want kept; a worker polls a handle only after it has read it here."""

    worker: str
    session: str
    notes: list[AttemptNote]
    at: int


class TaskAssigned(Message, frozen=True, kw_only=True):
    """A worker is to run an attempt of a task."""

    assignment: int
    worker: str
    session: str
    task: TaskScheduled
    shard: int
    at: int
    noted: AttemptNotes | None = None


class AssignmentsEnded(Message, frozen=True, kw_only=True):
    """Assignments whose slots are free again."""

    assignments: list[int]
    at: int
    workers: list[str] = msgspec.field(default_factory=list)
    awaiting: list[FinishedAssignment] = msgspec.field(default_factory=list)
    retrying: list[int] = msgspec.field(default_factory=list)


class TaskRequeued(Message, frozen=True, kw_only=True):
    """An assignment was taken back; its task waits again."""

    assignment: int
    reason: str
    losses: int
    at: int
    workflow_id: str = ""
    run_id: str = ""
    step: int = -1
    attempt: int = 0
    to_shard: int = -1
    worker: str = ""


class TaskDropped(Message, frozen=True, kw_only=True):
    """A task is no longer wanted: it waits no more, or its worker is to stop it."""

    workflow_id: str
    run_id: str
    step: int
    attempt: int
    reason: str
    at: int
    assignment: int = 0
    worker: str = ""


class AttemptTimedOut(Message, frozen=True, kw_only=True):
    """The dispatcher found that an attempt took too long; the decision service decides what follows."""

    workflow_id: str
    run_id: str
    step: int
    attempt: int
    to_shard: int
    assignment: int
    worker: str = ""
    timeout: str
    at: int


class AttemptLost(Message, frozen=True, kw_only=True):
    """The worker of an attempt was lost, and the dispatcher does not try again by itself."""

    workflow_id: str
    run_id: str
    step: int
    attempt: int
    to_shard: int
    assignment: int
    worker: str = ""
    losses: int
    poison: bool
    at: int


class TaskUnserved(Message, frozen=True, kw_only=True):
    """No living worker offers this task."""

    workflow_id: str
    run_id: str
    step: int
    attempt: int
    queue: str
    reason: str
    at: int


class TaskServed(Message, frozen=True, kw_only=True):
    """A worker appeared for a task that nobody offered; it waits for a slot."""

    workflow_id: str
    run_id: str
    step: int
    attempt: int
    at: int


class TaskOverdue(Message, frozen=True, kw_only=True):
    """An attempt runs for longer than its `warn_after`. It goes on."""

    workflow_id: str
    run_id: str
    step: int
    attempt: int
    node: str
    index: int = -1
    task: str
    queue: str
    assignment: int
    worker: str
    warn_after_ms: int
    since: int
    at: int


class CanarySet(Message, frozen=True, kw_only=True):
    """A share of a queue's tasks of one name goes to workers with a version of it."""

    queue: str
    task: str
    version: str
    share: float
    issued_by: str = ""
    at: int


class CanaryCleared(Message, frozen=True, kw_only=True):
    """A canary was taken back."""

    queue: str
    task: str
    issued_by: str = ""
    at: int


class BacklogFull(Message, frozen=True, kw_only=True):
    """As many tasks wait in a queue as its backlog may hold, or more."""

    queue: str
    waiting: int
    backlog: int
    when_full: str
    at: int


class BacklogCleared(Message, frozen=True, kw_only=True):
    """The backlog of a queue that was full is down again."""

    queue: str
    waiting: int
    backlog: int
    when_full: str
    at: int
    room: int = -1


class RoomQueued(Message, frozen=True, kw_only=True):
    """A decision shard waits for room in a queue."""

    queue: str
    shard: int
    held: int
    at: int


class RoomGranted(Message, frozen=True, kw_only=True):
    """A decision shard may schedule so many tasks, those that it holds back first."""

    queue: str
    to_shard: int
    room: int
    at: int


class QueueLimited(Message, frozen=True, kw_only=True):
    """The limits of a whole queue, as they are set; all 0 where they are not set any more."""

    queue: str
    at_once: int = 0
    per_period: int = 0
    period_ms: int = 0
    backlog: int = 0
    when_full: str = "wait"
    at: int
