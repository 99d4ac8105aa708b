"""What the decision service holds back while a queue is full. Field docs: the schemas of the same names."""

from __future__ import annotations

from headrace.contracts.message import Message
from headrace.contracts.retry import RetryPolicy


class TaskHeld(Message, frozen=True, kw_only=True):
    """An attempt of a task is ready, but its queue is full: it is scheduled when there is room."""

    workflow_id: str
    run_id: str
    step: int
    attempt: int
    node: str
    index: int = -1
    task: str
    queue: str
    priority: int = 5
    retry: RetryPolicy | None = None
    losses: int = 0
    timeout: str = ""
    due_at: int = 0
    close_by: int = 0
    place: int
    number: int
    reason: str
    at: int


class BacklogNoted(Message, frozen=True, kw_only=True):
    """A decision shard has read that a queue is bounded or full, or that there is room."""

    queue: str
    full: bool
    when_full: str = "wait"
    waiting: int = 0
    backlog: int = 0
    room: int = 0
    at: int


class RoomRequested(Message, frozen=True, kw_only=True):
    """A decision shard has used the room that it was given in a queue, and holds more back."""

    queue: str
    held: int
    at: int
