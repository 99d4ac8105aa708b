"""Small records that events point with. Field docs: the schemas of the same names."""

from __future__ import annotations

from headrace.contracts.message import Message


class ParentRef(Message, frozen=True, kw_only=True):
    """Points from a child workflow to the step that waits for it, or from a workflow to the schedule that started
    it.
    """

    workflow_id: str
    run_id: str
    step: int
    depth: int = 1


class LeaseHolder(Message, frozen=True, kw_only=True):
    """The attempt that asks for or holds a lease."""

    workflow_id: str
    run_id: str
    step: int
    attempt: int
    node: str
    index: int = -1
    shard: int = 0


class RetriedRun(Message, frozen=True, kw_only=True):
    """The run that a retry goes on from."""

    run_id: str
    from_task: str = ""
    from_step: int = -1
    undone_before: int = 0
