"""Events in the life of a task, as the decision service sees it. Field docs: the schemas of the same names."""

from __future__ import annotations

from headrace.contracts.io_accounts import TaskIo
from headrace.contracts.message import Message
from headrace.contracts.retry import RetryPolicy
from headrace.contracts.task_rules import TaskRules


class TaskScheduled(Message, frozen=True, kw_only=True):
    """An attempt of a task is ready to run."""

    workflow_id: str
    run_id: str
    step: int
    attempt: int
    node: str
    index: int = -1
    task: str
    queue: str
    priority: int = 5
    input: bytes
    content_type: str = "application/json"
    timeout_ms: int = 0
    heartbeat_ms: int = 0
    retry: RetryPolicy | None = None
    resource: str = ""
    units: int = 0
    capacity: int = 0
    fencing_token: int = 0
    losses: int = 0
    at: int
    trace: str = ""
    rules: TaskRules | None = None


class TaskSucceeded(Message, frozen=True, kw_only=True):
    """A task succeeded."""

    workflow_id: str
    run_id: str
    step: int
    attempt: int
    node: str
    index: int = -1
    task: str
    queue: str
    output: bytes
    content_type: str = "application/json"
    assignment: int
    worker: str
    started_at: int
    ended_at: int
    at: int
    fencing_token: int = 0
    io: TaskIo | None = None


class TaskFailed(Message, frozen=True, kw_only=True):
    """An attempt of a task failed."""

    workflow_id: str
    run_id: str
    step: int
    attempt: int
    node: str
    index: int = -1
    task: str
    queue: str
    error: str
    cause: str = ""
    retry_at: int = 0
    assignment: int = 0
    worker: str = ""
    started_at: int = 0
    ended_at: int = 0
    at: int
    fencing_token: int = 0
    io: TaskIo | None = None


class TaskTimedOut(Message, frozen=True, kw_only=True):
    """An attempt of a task took too long."""

    workflow_id: str
    run_id: str
    step: int
    attempt: int
    node: str
    index: int = -1
    task: str
    queue: str
    timeout: str
    cause: str = ""
    retry_at: int = 0
    assignment: int = 0
    worker: str = ""
    at: int
    fencing_token: int = 0


class TaskCancelled(Message, frozen=True, kw_only=True):
    """A task was cancelled before it ended."""

    workflow_id: str
    run_id: str
    step: int
    node: str
    index: int = -1
    task: str
    queue: str
    reason: str = ""
    at: int
    fencing_token: int = 0


class TaskSkipped(Message, frozen=True, kw_only=True):
    """A graph node does not run."""

    workflow_id: str
    run_id: str
    step: int
    node: str
    index: int = -1
    status: str
    reason: str = ""
    at: int


class TaskReleased(Message, frozen=True, kw_only=True):
    """An attempt lost its worker while it held a lease; the lease is given back and a new one asked for."""

    workflow_id: str
    run_id: str
    step: int
    attempt: int
    fencing_token: int
    losses: int
    at: int


class TaskRefused(Message, frozen=True, kw_only=True):
    """A node could not be scheduled: its input or an expression failed before any attempt."""

    workflow_id: str
    run_id: str
    step: int
    node: str
    index: int = -1
    error: str
    cause: str = ""
    at: int


class NodeEnded(Message, frozen=True, kw_only=True):
    """A graph node that stands for several steps (foreach), or none, reached its end."""

    workflow_id: str
    run_id: str
    step: int
    node: str
    index: int = -1
    status: str
    at: int
    error: str = ""
    cause: str = ""


class AssignmentRevoked(Message, frozen=True, kw_only=True):
    """The dispatcher took an assignment back; a failure that it still reports does not count."""

    workflow_id: str
    run_id: str
    step: int
    attempt: int
    assignment: int
    at: int
