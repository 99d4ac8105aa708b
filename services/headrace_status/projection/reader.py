"""Reads every topic of the read model by the reader's rule, from the positions that stand with the rows."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

import msgspec

from headrace.contracts import topics
from headrace.contracts.codec import Codec, DecodeError
from headrace.contracts.headers import journal_position
from headrace.contracts.message import Message
from headrace.shard.ports import Log, Record, TopicPartition
from headrace.shard.reader_rule import Position, Verdict, judge

log = logging.getLogger(__name__)
TOPICS: Final = (*topics.JOURNALS, topics.DEFINITIONS, topics.LISTENER_STATES, topics.LOGS)


class Taken(msgspec.Struct, frozen=True, gc=False):
    """A record that was read: the position after it, and its message, which is None where it does not count."""

    partition: TopicPartition
    position: Position
    at: int
    message: Message | None


class Reader:
    """One stream over all partitions."""

    def __init__(self, log_port: Log, codec: Codec, positions: Mapping[TopicPartition, Position]) -> None:
        self.positions = dict(positions)
        self._codec = codec
        self._source = log_port.source("projection")
        starts = {where: position.next_offset for where, position in positions.items()}
        plain = [where for where in starts if not topics.is_journal(where.topic)]
        for where, bounds in log_port.bounds(plain).items():
            # Plain topics lose old records by their retention time, which is no loss to a read model.
            starts[where] = max(starts[where], bounds.low)
        self._source.assign(starts)

    def poll(self, limit: int, wait_ms: int) -> list[Taken]:
        """Return what was read, and move the positions in memory past it.

        Raises:
            PositionLost: a position does not exist any more.
        """
        return [self._take(record) for record in self._source.poll(limit, wait_ms)]

    def close(self) -> None:
        """Stop reading."""
        self._source.close()

    def _take(self, record: Record) -> Taken:
        where = TopicPartition(record.topic, record.partition)
        counts = True
        if topics.is_journal(record.topic):
            verdict, position = judge(self.positions[where], record.offset, journal_position(record.headers))
            counts = verdict is Verdict.ACCEPT
        else:
            position = Position(record.offset)
        self.positions[where] = position
        return Taken(where, position, record.at, self._decode(record) if counts and record.value else None)

    def _decode(self, record: Record) -> Message | None:
        try:
            return self._codec.decode(record.value)
        except DecodeError as error:
            # A journal that cannot be read is newer than this code, or broken: going on would lose its events for good.
            if topics.is_journal(record.topic):
                raise UnreadableJournal(
                    f"{record.topic}[{record.partition}] at offset {record.offset}: {error}"
                ) from error
            about_logs = {"ship": record.topic != topics.LOGS}
            log.warning(
                "a record of %s at offset %d is left out: %s", record.topic, record.offset, error, extra=about_logs
            )
            return None


class UnreadableJournal(Exception):
    """An accepted journal record that cannot be decoded; a newer version of the service may read it."""
