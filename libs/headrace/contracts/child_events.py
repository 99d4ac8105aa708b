"""A workflow and its children. Field docs: the schemas of the same names."""

from __future__ import annotations

from headrace.contracts.message import Message


class ChildRequested(Message, frozen=True, kw_only=True):
    """A workflow asks for a child workflow."""

    workflow_id: str
    run_id: str
    step: int
    node: str
    index: int = -1
    child_id: str
    to_shard: int
    name: str
    version: str = ""
    input: bytes
    content_type: str = "application/json"
    depth: int = 1
    at: int
    trace: str = ""
    parent_close: str = "cancel"
    again: bool = False


class ChildEnded(Message, frozen=True, kw_only=True):
    """The parent took note that its child has ended."""

    workflow_id: str
    run_id: str
    step: int
    node: str
    index: int = -1
    child_id: str
    status: str
    output: bytes
    content_type: str = "application/json"
    error: str = ""
    cause: str = ""
    at: int


class ChildCancelRequested(Message, frozen=True, kw_only=True):
    """A parent that gives up asks its child to cancel."""

    workflow_id: str
    run_id: str
    step: int
    child_id: str
    to_shard: int
    reason: str = ""
    at: int
    terminate: bool = False
