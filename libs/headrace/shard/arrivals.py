"""Records on their way to the shards of a process.

Headers are read once for all, values only for those who want them.
"""

from __future__ import annotations

import msgspec

from headrace.contracts.codec import Codec, DecodeError
from headrace.contracts.headers import addressees, journal_position, traceparent
from headrace.contracts.message import Message
from headrace.contracts.topics import is_journal
from headrace.shard.decider import Input
from headrace.shard.ports import Record, TopicPartition


class Reached(msgspec.Struct, frozen=True):
    """Stands in an inbox behind everything that a partition held when a reign began."""

    partition: TopicPartition


class Arrival:
    """One record, shared by every shard of the process that reads its partition."""

    __slots__ = ("_decoded", "_error", "_message", "header", "journal", "partition", "record", "to")

    def __init__(self, record: Record) -> None:
        self.record = record
        self.partition = TopicPartition(record.topic, record.partition)
        self.journal = is_journal(record.topic)
        self.header = journal_position(record.headers) if self.journal else None
        self.to = addressees(record.headers) if self.journal else frozenset()
        self._decoded = False
        self._message: Message | None = None
        self._error = ""

    def to_input(self, codec: Codec) -> Input:
        """Return the record as a decider sees it."""
        if not self._decoded:
            self._decoded = True
            try:
                self._message = codec.decode(self.record.value)
            except DecodeError as error:
                self._error = str(error)
        epoch, n = self.header or (-1, -1)
        record = self.record
        return Input(
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            epoch=epoch,
            n=n,
            at=record.at,
            key=record.key,
            value=record.value,
            message=self._message,
            error=self._error,
            trace=traceparent(record.headers),
        )
