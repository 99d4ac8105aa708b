"""What a workflow waits for beside tasks, timers and children: signals, callbacks, other workflows. Field docs: the
schemas of the same names.
"""

from __future__ import annotations

from headrace.contracts.message import Message
from headrace.contracts.references import ParentRef


class SignalReceived(Message, frozen=True, kw_only=True):
    """A workflow got a signal; it waits until the workflow asks for it."""

    workflow_id: str
    run_id: str
    name: str
    data: bytes
    content_type: str = "application/json"
    command_id: str = ""
    sender: ParentRef | None = None
    unread: int = 1
    at: int


class CommandRefused(Message, frozen=True, kw_only=True):
    """A command was refused; nothing changed."""

    workflow_id: str
    command_id: str
    command: str
    error: str
    cause: str
    at: int


class AttachRequested(Message, frozen=True, kw_only=True):
    """A workflow waits for the end of another one, which somebody else has started."""

    workflow_id: str
    run_id: str
    step: int
    node: str
    index: int = -1
    target: str
    to_shard: int
    at: int
    trace: str = ""


class SignalRequested(Message, frozen=True, kw_only=True):
    """A workflow sends a signal to another one."""

    workflow_id: str
    run_id: str
    step: int
    node: str
    index: int = -1
    target: str
    to_shard: int
    name: str
    data: bytes
    content_type: str = "application/json"
    at: int
    trace: str = ""


class StepAnswered(Message, frozen=True, kw_only=True):
    """The answer to a step of another workflow, addressed to its shard."""

    to_shard: int
    workflow_id: str
    run_id: str
    step: int
    target: str
    status: str
    output: bytes
    content_type: str = "application/json"
    error: str = ""
    cause: str = ""
    at: int


class StepEnded(Message, frozen=True, kw_only=True):
    """A step that waited for another workflow or for the outside has ended."""

    workflow_id: str
    run_id: str
    step: int
    node: str
    index: int = -1
    kind: str
    status: str
    output: bytes
    content_type: str = "application/json"
    error: str = ""
    cause: str = ""
    command_id: str = ""
    at: int


class StepCancelled(Message, frozen=True, kw_only=True):
    """A step that waits for another workflow or for the outside was given up."""

    workflow_id: str
    run_id: str
    step: int
    node: str
    index: int = -1
    kind: str
    target: str = ""
    to_shard: int = -1
    reason: str = ""
    at: int


class CallbackOpened(Message, frozen=True, kw_only=True):
    """A workflow gave out a token and waits for its completion."""

    workflow_id: str
    run_id: str
    step: int
    node: str
    index: int = -1
    due_at: int = 0
    heartbeat_ms: int = 0
    at: int


class CallbackHeartbeat(Message, frozen=True, kw_only=True):
    """Whoever holds a token has shown a sign of life."""

    workflow_id: str
    run_id: str
    step: int
    command_id: str = ""
    at: int


class WatcherAdded(Message, frozen=True, kw_only=True):
    """Another workflow waits for the end of this run."""

    workflow_id: str
    run_id: str
    watcher: ParentRef
    at: int


class WatcherRemoved(Message, frozen=True, kw_only=True):
    """Another workflow waits no longer for the end of this run."""

    workflow_id: str
    run_id: str
    watcher: ParentRef
    at: int
