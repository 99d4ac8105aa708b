"""What an operator tells a dispatcher, on its partition of `worker.reports`. Field docs: its schema."""

from __future__ import annotations

from headrace.contracts.message import Message


class SetCanary(Message, frozen=True, kw_only=True):
    """Give a share of a queue's tasks of one name to a version, or take it back with a share of 0."""

    command_id: str
    queue: str
    task: str
    version: str = ""
    share: float = 0.0
    issued_by: str = ""
    issued_at: int
