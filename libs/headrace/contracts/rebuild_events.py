"""The coroutine of a long workflow is rebuilt, part by part. Field docs: the schemas of the same names."""

from __future__ import annotations

from headrace.contracts.message import Message


class RebuildBegun(Message, frozen=True, kw_only=True):
    """A workflow with a long record goes on once its coroutine is rebuilt; meanwhile others are decided."""

    workflow_id: str
    run_id: str
    at: int


class RebuildEnded(Message, frozen=True, kw_only=True):
    """The coroutine of a workflow with a long record is rebuilt."""

    workflow_id: str
    run_id: str
    at: int
