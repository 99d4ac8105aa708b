"""Commands to a workflow: imperative, at least once, from clients and workers. Field docs: the schemas of the same
names.
"""

from __future__ import annotations

import msgspec

from headrace.contracts.io_accounts import TaskIo
from headrace.contracts.message import Message


class StartWorkflow(Message, frozen=True, kw_only=True):
    """Start a workflow."""

    command_id: str
    workflow_id: str
    issued_at: int
    causation_id: str = ""
    correlation_id: str = ""
    name: str
    version: str = ""
    input: bytes
    content_type: str = "application/json"
    if_exists: str = "join"
    key: str = ""


class CompleteTask(Message, frozen=True, kw_only=True):
    """A worker says that an attempt of a task succeeded."""

    command_id: str
    workflow_id: str
    issued_at: int
    causation_id: str = ""
    correlation_id: str = ""
    run_id: str
    step: int
    attempt: int
    assignment: int
    worker: str
    output: bytes
    content_type: str = "application/json"
    started_at: int
    ended_at: int
    io: TaskIo | None = None


class FailTask(Message, frozen=True, kw_only=True):
    """A worker says that an attempt of a task failed."""

    command_id: str
    workflow_id: str
    issued_at: int
    causation_id: str = ""
    correlation_id: str = ""
    run_id: str
    step: int
    attempt: int
    assignment: int
    worker: str
    error: str
    cause: str = ""
    retryable: bool = True
    started_at: int = 0
    ended_at: int = 0
    bases: list[str] = msgspec.field(default_factory=list)
    io: TaskIo | None = None


class CancelWorkflow(Message, frozen=True, kw_only=True):
    """Ask a workflow to end; it may clean up first."""

    command_id: str
    workflow_id: str
    issued_at: int
    causation_id: str = ""
    correlation_id: str = ""
    reason: str = ""


class TerminateWorkflow(Message, frozen=True, kw_only=True):
    """End a workflow at once."""

    command_id: str
    workflow_id: str
    issued_at: int
    causation_id: str = ""
    correlation_id: str = ""
    reason: str = ""
