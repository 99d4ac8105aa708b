"""Positions of readers that keep them in Kafka. Field docs: the schemas of the same names."""

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
