"""Events in the life of a workflow. Field docs: the schemas of the same names."""

from __future__ import annotations

from headrace.contracts.message import Message
from headrace.contracts.references import ParentRef, RetriedRun


class WorkflowStarted(Message, frozen=True, kw_only=True):
    """A run of a workflow began."""

    workflow_id: str
    run_id: str
    name: str
    version: str
    program: str
    interpreter: int = 1
    input: bytes
    content_type: str = "application/json"
    command_id: str = ""
    key: str = ""
    attempt: int = 1
    parent: ParentRef | None = None
    timeout_ms: int = 0
    at: int
    correlation_id: str = ""
    previous: bytes = b""
    trace: str = ""
    retried: RetriedRun | None = None


class StartRefused(Message, frozen=True, kw_only=True):
    """A start command was refused; no workflow changed."""

    workflow_id: str
    command_id: str
    name: str
    error: str
    cause: str
    at: int
    existing: bool = False
    parent: ParentRef | None = None


class CommandRejected(Message, frozen=True, kw_only=True):
    """An input that could not be understood or has no addressee; it goes to the dead letters."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    error: str
    reason: str
    workflow_id: str = ""
    at: int


class CommandForwarded(Message, frozen=True, kw_only=True):
    """A command that landed on the wrong shard, addressed to the right one."""

    to_shard: int
    command: bytes
    workflow_id: str
    trace: str = ""
    logged_at: int = 0


class CancelRequested(Message, frozen=True, kw_only=True):
    """A workflow was asked to end."""

    workflow_id: str
    run_id: str
    command_id: str = ""
    reason: str = ""
    at: int
    terminate_at: int = 0


class WorkflowSucceeded(Message, frozen=True, kw_only=True):
    """A workflow reached its end."""

    workflow_id: str
    run_id: str
    parent: ParentRef | None = None
    name: str = ""
    started_at: int = 0
    output: bytes
    content_type: str = "application/json"
    key: str = ""
    at: int
    trace: str = ""


class WorkflowFailed(Message, frozen=True, kw_only=True):
    """A workflow failed."""

    workflow_id: str
    run_id: str
    parent: ParentRef | None = None
    name: str = ""
    started_at: int = 0
    error: str
    cause: str = ""
    at: int
    trace: str = ""


class WorkflowCancelled(Message, frozen=True, kw_only=True):
    """A workflow ended because it was asked to."""

    workflow_id: str
    run_id: str
    parent: ParentRef | None = None
    name: str = ""
    started_at: int = 0
    reason: str = ""
    at: int
    trace: str = ""


class WorkflowTerminated(Message, frozen=True, kw_only=True):
    """A workflow was ended at once."""

    workflow_id: str
    run_id: str
    parent: ParentRef | None = None
    name: str = ""
    started_at: int = 0
    reason: str = ""
    at: int
    trace: str = ""


class WorkflowTimedOut(Message, frozen=True, kw_only=True):
    """A workflow took longer than it may."""

    workflow_id: str
    run_id: str
    parent: ParentRef | None = None
    name: str = ""
    started_at: int = 0
    timeout_ms: int
    at: int
    trace: str = ""


class WorkflowStuck(Message, frozen=True, kw_only=True):
    """A workflow needs a human; nothing of it is lost."""

    workflow_id: str
    run_id: str
    error: str
    cause: str
    at: int
    tried: str = ""


class CommandHeld(Message, frozen=True, kw_only=True):
    """An input for a stuck workflow; it waits with it."""

    workflow_id: str
    run_id: str
    command: bytes
    at: int


class ActivationYielded(Message, frozen=True, kw_only=True):
    """A decision was too large for one record; the rest follows before any other input."""

    workflow_id: str
    run_id: str
    at: int


class ActivationResumed(Message, frozen=True, kw_only=True):
    """The rest of a decision that was too large for one record."""

    workflow_id: str
    run_id: str
    at: int


class PreviousRecorded(Message, frozen=True, kw_only=True):
    """The last result of a definition under a key, wherever its run lived."""

    name: str
    key: str
    output: bytes
    at: int
