"""Commands of operators: pause, resume, migrate, retry. Field docs: the schemas of the same names."""

from __future__ import annotations

from headrace.contracts.message import Message


class PauseWorkflow(Message, frozen=True, kw_only=True):
    """Let a workflow stand still until it is resumed: what comes for it is recorded, and nothing of it runs."""

    command_id: str
    workflow_id: str
    issued_at: int
    causation_id: str = ""
    correlation_id: str = ""
    reason: str = ""


class ResumeWorkflow(Message, frozen=True, kw_only=True):
    """Let a paused workflow go on; or try a stuck one again."""

    command_id: str
    workflow_id: str
    issued_at: int
    causation_id: str = ""
    correlation_id: str = ""
    reason: str = ""


class MigrateWorkflow(Message, frozen=True, kw_only=True):
    """Move a workflow to another version of its definition, if a replay of its record with it agrees."""

    command_id: str
    workflow_id: str
    issued_at: int
    causation_id: str = ""
    correlation_id: str = ""
    version: str = ""
    dry_run: bool = False


class RetryWorkflow(Message, frozen=True, kw_only=True):
    """Run a failed, timed out or cancelled workflow again, and take over what has succeeded."""

    command_id: str
    workflow_id: str
    issued_at: int
    causation_id: str = ""
    correlation_id: str = ""
    from_task: str = ""
    input: bytes = b""
    content_type: str = "application/json"
    version: str = ""
