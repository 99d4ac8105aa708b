"""A reader without a position may begin at any moment: after records that do not count, and after some that do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from headrace.shard.memory import MemorySource
from headrace.shard.ports import Bounds, Record, TopicPartition
from headrace.shard.reading import Begin, JournalReader
from tests.simulation.checkers.journals import Journal, Journals

_AT_MOST = 12
"""Moments that are tried in each journal."""


class Past:
    """One journal as it stood when its end was at `end` (`headrace.shard.ports.Log`, as far as a reader asks)."""

    away = False

    def __init__(self, journal: Journal, end: int) -> None:
        self.end = end
        self._where = journal.where
        self._records = [
            Record(
                topic=journal.where.topic,
                partition=journal.where.partition,
                offset=entry.offset,
                at=entry.at,
                value=entry.value,
                headers=entry.headers,
            )
            for entry in journal.entries()
        ]

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

    def source(self, name: str, *, committed: bool = False) -> MemorySource:
        """Return a source over this."""
        log: Any = self
        return MemorySource(log)


def check(journals: Journals) -> Iterator[str]:
    """Yield what is wrong."""
    for journal in journals.all:
        counted = {found.entry.offset for found in journal.follow()}
        zombies = [entry.offset + 1 for entry in journal.entries() if entry.offset not in counted]
        others = list(range(1, len(journal.entries()) + 1, 1 + len(journal.entries()) // 4))
        for end in (zombies + others)[:_AT_MOST]:
            yield from _begin_at(journal, end)


def _begin_at(journal: Journal, end: int) -> Iterator[str]:
    past = Past(journal, end)
    log: Any = past
    reader = JournalReader(log, [journal.where.topic], name="late")
    reader.start(otherwise=Begin.LAST_REIGN)
    past.end = len(journal.entries())
    accepted = [found.position.offset for found in reader.poll(1_000_000, 0) if found.partition == journal.where]
    wanted = [offset for offset in journal.offsets() if offset >= end]
    late = [offset for offset in accepted if offset >= end]
    if late != wanted:
        yield f"{journal.where}: Expected a reader that begins at {end} to accept {wanted} from there on, not {late}"
