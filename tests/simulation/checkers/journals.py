"""The journals as anybody may read them: the reader's rule written a second time, from its sentences.

- An `EpochStarted` opens a reign: its epoch is its own offset, the next number is 1.
- A record of another epoch than the one that reigns is skipped.
- A record of this epoch counts if its number is the next one; otherwise nothing counts until the next `EpochStarted`.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from headrace.contracts.codec import Codec
from headrace.contracts.headers import journal_position
from headrace.contracts.journal import EpochStarted, JournalRecord
from headrace.contracts.message import Message
from headrace.shard.ports import TopicPartition
from tests.simulation.broker import Entry, SimLog

CODEC = Codec()


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """One journal record that counts, or an `EpochStarted` (then `record` is None)."""

    where: TopicPartition
    entry: Entry
    epoch: int
    record: JournalRecord | None
    started: EpochStarted | None


class Journal:
    """Follows one partition of a journal as it grows."""

    def __init__(self, log: SimLog, topic: str, partition: int) -> None:
        self.where = TopicPartition(topic, partition)
        self.counted: list[Counted] = []
        self._log = log
        self._next = 0
        self._epoch = -1
        self._number: int | None = None

    def follow(self) -> list[Counted]:
        """Take in what is new; return everything that counts."""
        entries = self._log.entries(*self.where)
        for entry in entries[self._next :]:
            self._take(entry)
        self._next = len(entries)
        return self.counted

    def entries(self) -> list[Entry]:
        """Return everything that was ever appended, zombies' records included."""
        return self._log.entries(*self.where)

    def offsets(self, since: int = 0) -> list[int]:
        """Return the offsets of the records that count, from an offset on."""
        return [found.entry.offset for found in self.follow() if found.record and found.entry.offset >= since]

    def events(self) -> Iterator[tuple[Counted, int, Message]]:
        """Yield every event with its record and its place in it."""
        for found in self.follow():
            for at, event in enumerate(found.record.events if found.record else ()):
                yield found, at, event

    def _take(self, entry: Entry) -> None:
        position = journal_position(entry.headers)
        if position is None:
            return
        epoch, number = position
        if epoch == -1:
            started = CODEC.decode(entry.value)
            assert isinstance(started, EpochStarted)
            self._epoch, self._number = entry.offset, 0
            self._add(entry, None, started)
        elif epoch == self._epoch and self._number is not None:
            if number != self._number + 1:
                self._number = None
                return
            self._number = number
            record = CODEC.decode(entry.value)
            assert isinstance(record, JournalRecord)
            self._add(entry, record, None)

    def _add(self, entry: Entry, record: JournalRecord | None, started: EpochStarted | None) -> None:
        self.counted.append(Counted(where=self.where, entry=entry, epoch=self._epoch, record=record, started=started))


class Journals:
    """All journals of a world."""

    def __init__(self, log: SimLog, partitions: list[tuple[str, int]]) -> None:
        self.log = log
        self.all = [Journal(log, topic, number) for topic, number in partitions]

    def of(self, topic: str) -> list[Journal]:
        """Return the partitions of one journal, in order."""
        return [journal for journal in self.all if journal.where.topic == topic]

    def events(self, topic: str) -> Iterator[tuple[Counted, int, Message]]:
        """Yield every event of a journal, partition by partition."""
        for journal in self.of(topic):
            yield from journal.events()


def is_checkpoint(entry: Entry) -> bool:
    """Tell whether a record is an `EpochStarted` that a checkpoint appended."""
    position = journal_position(entry.headers)
    if position is None or position[0] != -1:
        return False
    started = CODEC.decode(entry.value)
    return isinstance(started, EpochStarted) and started.checkpoint
