"""A reader may begin at any moment, after records that count or do not, without a position or with a stored one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from headrace.shard.memory import MemorySource
from headrace.shard.ports import Bounds, Record, TopicPartition
from headrace.shard.reading import Begin, JournalReader
from tests.simulation.checkers.journals import Journal, Journals

_AT_MOST = 12
"""Moments of either kind that are tried in each journal: after records that count, and after others."""


class Past:
    """One journal as it stood when its end was at `end` (`headrace.shard.ports.Log`, as far as a reader asks)."""

    away = False

    def __init__(self, where: TopicPartition, records: list[Record], end: int) -> None:
        self.end = end
        self._where = where
        self._records = records

    def bounds(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, Bounds]:
        """Return where other partitions are empty, and this one ends then."""
        return {where: Bounds(0, self.end if where == self._where else 0) for where in partitions}

    def record_at(self, partition: TopicPartition, offset: int) -> Record | None:
        """Return a record, if it was there then."""
        return self._records[offset] if offset < self.end else None

    def topic_ids(self, topics: Iterable[str]) -> dict[str, str]:
        """Return the same ids always."""
        return dict.fromkeys(topics, "id")

    def partition_count(self, topic: str) -> int:
        """Return as many as are needed."""
        return self._where.partition + 1

    def read(
        self, partition: TopicPartition, offset: int, limit: int, *, committed: bool = False
    ) -> tuple[list[Record], int]:
        """Return what there is from an offset on."""
        if partition != self._where:
            return [], offset
        found = self._records[offset : min(self.end, offset + limit)]
        return found, offset + len(found)

    def source(self, name: str, *, committed: bool = False, rare: Collection[str] = ()) -> MemorySource:
        """Return a source over this."""
        log: Any = self
        return MemorySource(log)


def check(journals: Journals) -> Iterator[str]:
    """Yield what is wrong."""
    for journal in journals.all:
        counted = {found.entry.offset for found in journal.follow()}
        topic, partition = journal.where
        records = [
            Record(
                topic=topic,
                partition=partition,
                offset=entry.offset,
                at=entry.at,
                value=entry.value,
                headers=entry.headers,
            )
            for entry in journal.entries()
        ]
        zombies = [entry.offset + 1 for entry in journal.entries() if entry.offset not in counted]
        others = list(range(1, len(records) + 1, 1 + len(records) // _AT_MOST))
        for end in dict.fromkeys(zombies[:_AT_MOST] + others):
            yield from _begin_at(journal, records, end)


def _begin_at(journal: Journal, records: list[Record], end: int) -> Iterator[str]:
    past = Past(journal.where, records, end)
    log: Any = past
    wanted = [offset for offset in journal.offsets() if offset >= end]
    first = JournalReader(log, [journal.where.topic], name="late")
    first.start(otherwise=Begin.LAST_REIGN)
    first.poll(1_000_000, 0)
    second = JournalReader(log, [journal.where.topic], name="again")
    second.start(dict(first.positions))
    past.end = len(records)
    for reader, what in ((first, "begins"), (second, "goes on from a position that was stored")):
        accepted = [found.position.offset for found in reader.poll(1_000_000, 0) if found.partition == journal.where]
        late = [offset for offset in accepted if offset >= end]
        if late != wanted:
            yield f"{journal.where}: Expected a reader that {what} at {end} to accept {wanted} after it, not {late}"
