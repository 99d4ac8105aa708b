"""Commands for what a workflow waits for: signals, and callbacks by their token. Field docs: the schemas of the same
names.
"""

from __future__ import annotations

from headrace.contracts.message import Message


class SignalWorkflow(Message, frozen=True, kw_only=True):
    """Send a signal to a workflow that is running."""

    command_id: str
    workflow_id: str
    issued_at: int
    causation_id: str = ""
    correlation_id: str = ""
    name: str
    data: bytes = b"null"
    content_type: str = "application/json"


class CompleteCallback(Message, frozen=True, kw_only=True):
    """Complete what a workflow waits for, by the token that it gave out."""

    command_id: str
    workflow_id: str
    issued_at: int
    causation_id: str = ""
    correlation_id: str = ""
    token: str
    output: bytes = b"null"
    content_type: str = "application/json"


class FailCallback(Message, frozen=True, kw_only=True):
    """Fail what a workflow waits for, by the token that it gave out."""

    command_id: str
    workflow_id: str
    issued_at: int
    causation_id: str = ""
    correlation_id: str = ""
    token: str
    error: str
    cause: str = ""


class HeartbeatCallback(Message, frozen=True, kw_only=True):
    """Say that what a workflow waits for is still being worked on, by the token that it gave out."""

    command_id: str
    workflow_id: str
    issued_at: int
    causation_id: str = ""
    correlation_id: str = ""
    token: str
