"""What workers tell the dispatcher. Field docs: the schemas of the same names."""

from __future__ import annotations

import msgspec

from headrace.contracts.message import Message


class QueueOffer(Message, frozen=True, kw_only=True):
    """What a worker offers on one queue."""

    queue: str
    slots: int
    tasks: list[str]
    versions: dict[str, str] = msgspec.field(default_factory=dict)


class FinishedAssignment(Message, frozen=True, kw_only=True):
    """An assignment whose result the log has acknowledged."""

    assignment: int
    partition: int
    offset: int


class AttemptNote(Message, frozen=True, kw_only=True):
    """What an assignment wants kept for whoever runs its task next: details of a heartbeat, or the handle of an async
    task.
    """

    assignment: int
    kind: str
    data: bytes


class Gauge(Message, frozen=True, kw_only=True):
    """A figure of a worker, or of the machine that it runs on."""

    name: str
    value: float


class WorkerHello(Message, frozen=True, kw_only=True):
    """A worker offers its slots; sent after it has read the task journal to its end."""

    worker: str
    session: str
    offers: list[QueueOffer]
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    host: str = ""
    pid: int = 0
    read_offset: int
    sent_at: int


class WorkerHeartbeat(Message, frozen=True, kw_only=True):
    """A worker is alive; what it holds and what it has finished."""

    worker: str
    session: str
    read_offset: int
    holds: list[int]
    beats: list[int] = msgspec.field(default_factory=list)
    finished: list[FinishedAssignment] = msgspec.field(default_factory=list)
    handed_back: list[int] = msgspec.field(default_factory=list)
    stopping: bool = False
    sent_at: int
    read_assignment: int = 0
    notes: list[AttemptNote] = msgspec.field(default_factory=list)
    gauges: list[Gauge] = msgspec.field(default_factory=list)


class WorkerGoodbye(Message, frozen=True, kw_only=True):
    """A worker has stopped and holds nothing."""

    worker: str
    session: str
    sent_at: int
