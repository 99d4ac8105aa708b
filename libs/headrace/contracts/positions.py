"""Positions and states of readers that keep them in Kafka. Field docs: the schemas of the same names."""

from __future__ import annotations

from headrace.contracts.message import Message


class ReaderPosition(Message, frozen=True, kw_only=True):
    """How far a relay has read a journal."""

    reader: str
    topic: str
    partition: int
    offset: int
    epoch: int
    n: int


class ListenerState(Message, frozen=True, kw_only=True):
    """How a listener, a trigger or the relay is doing; the last record of a name holds."""

    name: str
    kind: str
    source: str
    group: str = ""
    process: str
    positions: dict[str, int]
    lag: int
    handled: int
    failures: int
    dead_letters: int
    last_error: str = ""
    last_error_at: int = 0
    at: int
