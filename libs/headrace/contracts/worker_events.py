"""Events in the life of a worker. Field docs: the schemas of the same names."""

from __future__ import annotations

import msgspec

from headrace.contracts.message import Message
from headrace.contracts.reports import Gauge, QueueOffer


class WorkerJoined(Message, frozen=True, kw_only=True):
    """A worker offers its slots."""

    worker: str
    session: str
    offers: list[QueueOffer]
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    host: str = ""
    pid: int = 0
    at: int


class WorkerStopping(Message, frozen=True, kw_only=True):
    """A worker takes nothing more."""

    worker: str
    session: str
    at: int


class WorkerLeft(Message, frozen=True, kw_only=True):
    """A worker has stopped and holds nothing."""

    worker: str
    session: str
    at: int


class WorkerLost(Message, frozen=True, kw_only=True):
    """A worker went silent, or came back under a new session."""

    worker: str
    session: str
    reason: str
    at: int


class WorkerMeasured(Message, frozen=True, kw_only=True):
    """How a worker and its machine are."""

    worker: str
    session: str
    gauges: list[Gauge]
    at: int
