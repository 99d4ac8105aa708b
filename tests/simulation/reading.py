"""Readers of journals that begin anywhere, and again where an earlier one stood."""

from __future__ import annotations

from random import Random

from headrace.contracts.topics import JOURNALS
from headrace.shard.clock import ManualClock
from headrace.shard.ports import LogAway, PositionLost, TopicPartition
from headrace.shard.reader_rule import Position
from headrace.shard.reading import Begin, JournalReader
from tests.simulation.broker import SimLog

Seen = dict[TopicPartition, list[int]]


class Readers:
    """Live readers, and the offsets that each has accepted, by journal."""

    def __init__(self, log: SimLog, clock: ManualClock, random: Random) -> None:
        self.seen: list[Seen] = []
        self.lost: set[int] = set()
        """Readers that were away for too long: the records that they need are deleted."""
        self._readers: list[JournalReader] = []
        self._log = log
        self._clock = clock
        self._random = random

    def begin(self) -> None:
        """Begin one more: at the beginning, at the last reign, or where another one stands."""
        if self._log.away:
            return
        reader = JournalReader(self._log, list(JOURNALS), name=f"reader-{len(self.seen)}", clock=self._clock)
        stored: dict[TopicPartition, Position] = {}
        how = self._random.choice((Begin.BEGINNING, Begin.LAST_REIGN, None))
        if how is None and self._readers:
            stored = dict(self._random.choice(self._readers).positions)
        try:
            reader.start(stored, otherwise=how or Begin.LAST_REIGN)
        except (LogAway, PositionLost):
            return
        self._readers.append(reader)
        self.seen.append({})

    def step(self) -> bool:
        """Let one of them read a little."""
        if not self._readers:
            self.begin()
            return True
        return self._read(self._random.randrange(len(self._readers)), self._random.choice((1, 5, 100)))

    def read_to_end(self) -> None:
        """Let all of them read everything."""
        for at in range(len(self._readers)):
            while self._read(at, 1_000):
                continue

    def _read(self, at: int, limit: int) -> bool:
        before = dict(self._readers[at].positions)
        if at in self.lost:
            return False
        try:
            found = self._readers[at].poll(limit, 0)
        except PositionLost:
            self.lost.add(at)
            return False
        for accepted in found:
            self.seen[at].setdefault(accepted.partition, []).append(accepted.position.offset)
        return before != self._readers[at].positions
