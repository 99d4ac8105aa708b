"""Reading journals by the reader's rule: for the read model, the relay, workers and clients.

    reader = JournalReader(log, ["workflow.journal"], name="status")
    reader.start(stored_positions)
    for accepted in reader.poll():
        ... accepted.record.events, accepted.position ...

What `poll` returns is exactly what every other reader of these journals accepts, in the order of each journal. The
reader remembers where it is, but keeps nothing: whoever reads stores `accepted.position` (or `positions`) together with
what it made of the record.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from enum import Enum

from headrace.contracts.codec import Codec
from headrace.contracts.headers import addressees, journal_position
from headrace.contracts.journal import JournalRecord
from headrace.shard.clock import SystemClock
from headrace.shard.fence import look_back
from headrace.shard.limits import Limits
from headrace.shard.patience import patiently
from headrace.shard.ports import Clock, Log, LogAway, PositionLost, Record, TopicPartition
from headrace.shard.reader_rule import START, Position, Verdict, judge
from headrace.shard.topic_guard import TopicGuard


class Begin(Enum):
    """Where to begin in a journal for which there is no position."""

    BEGINNING = "beginning"
    """At its first record: nothing is left out."""
    LAST_REIGN = "last reign"
    """At the `EpochStarted` of the last record: for who wants news, and must know the epoch to judge them."""


class Accepted:
    """A record that counts.

    `position` is the reader's position after it; `at` is the broker's time in ms since the epoch.
    """

    __slots__ = ("_codec", "_decoded", "at", "headers", "partition", "position", "value")

    def __init__(self, record: Record, position: Position, codec: Codec) -> None:
        self.partition = TopicPartition(record.topic, record.partition)
        self.position = position
        self.at = record.at
        self.headers = record.headers
        self.value = record.value
        self._codec = codec
        self._decoded: JournalRecord | None = None

    @property
    def record(self) -> JournalRecord:
        """Return the record, decoded when it is first asked for.

        Raises:
            DecodeError: newer code wrote it with a schema that this code does not know.
        """
        if self._decoded is None:
            decoded = self._codec.decode(self.value)
            assert isinstance(decoded, JournalRecord), f"{self.partition} offset {self.position.offset}: {decoded!r}"
            self._decoded = decoded
        return self._decoded


class JournalReader:
    """Reads every partition of some journals. Not for use by several threads at once."""

    def __init__(
        self,
        log: Log,
        topics: Iterable[str],
        *,
        name: str,
        wants: Callable[[frozenset[str]], bool] | None = None,
        codec: Codec | None = None,
        clock: Clock | None = None,
        topic_ids: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare to read. `wants` picks records by their addressees without decoding them; None takes all.

        `topic_ids` are the ids recorded for the namespace (`ensure_topics(...).topic_ids`); without them a topic that
        was made anew is noticed only while reading, not between two runs.
        """
        self._log = log
        self._topics = tuple(topics)
        self._wants = wants
        self._codec = codec or Codec()
        self._clock = clock or SystemClock()
        self._limits = Limits()
        recorded = {topic: known for topic, known in (topic_ids or {}).items() if topic in self._topics}
        self._guard = TopicGuard(log, self._topics, recorded)
        self._next_check = 0
        self._source = log.source(name)
        self._positions: dict[TopicPartition, Position] = {}
        self._ends: dict[TopicPartition, int] = {}

    def start(
        self,
        positions: Mapping[TopicPartition, Position] | None = None,
        *,
        otherwise: Begin = Begin.BEGINNING,
        stop: threading.Event | None = None,
    ) -> None:
        """Begin to read after these positions; journals without one begin as `otherwise` says.

        Waits while the log is away.

        Raises:
            PositionLost: a position does not exist (any more), or a topic is not the one it was.
            LogAway: `stop` was set before the log answered.
        """
        patiently(lambda: self._start(positions or {}, otherwise), stop)

    def poll(self, limit: int = 1_000, wait_ms: int = 100) -> list[Accepted]:
        """Return what counts among up to `limit` records; wait at most `wait_ms` for the first.

        Empty while the log is away.

        Raises:
            PositionLost: a position does not exist any more, or a topic is not the one it was.
        """
        self._check_topics()
        accepted = []
        for record in self._source.poll(limit, wait_ms):
            where = TopicPartition(record.topic, record.partition)
            verdict, position = judge(self._positions[where], record.offset, journal_position(record.headers))
            self._positions[where] = position
            if verdict is Verdict.ACCEPT and (self._wants is None or self._wants(addressees(record.headers))):
                accepted.append(Accepted(record, position, self._codec))
        return accepted

    @property
    def positions(self) -> Mapping[TopicPartition, Position]:
        """Return where the reader stands, skipped records included."""
        return self._positions

    def at_end(self) -> bool:
        """Tell whether everything has been returned that the journals held at `start` (or at the last `mark_end`)."""
        reached = self._source.assigned()
        self._ends = {where: end for where, end in self._ends.items() if reached.get(where, 0) < end}
        return not self._ends

    def mark_end(self) -> None:
        """Make `at_end` speak of what the journals hold now. Raises `LogAway`."""
        self._ends = self.ends()

    def ends(self) -> dict[TopicPartition, int]:
        """Return the offset that the next record of each journal will get. Raises `LogAway`."""
        return {where: end for where, (_, end) in self._log.bounds(self._positions).items()}

    def close(self) -> None:
        """Stop reading."""
        self._source.close()

    def _start(self, positions: Mapping[TopicPartition, Position], otherwise: Begin) -> None:
        self._guard.check()
        journals = [TopicPartition(t, number) for t in self._topics for number in range(self._log.partition_count(t))]
        found = {}
        for journal in journals:
            known = positions.get(journal)
            if known is None:
                known = START if otherwise is Begin.BEGINNING else self._last_reign(journal)
            found[journal] = known
        bounds = self._log.bounds(journals)
        for journal, (low, end) in bounds.items():
            needed = found[journal].next_offset
            if not low <= needed <= end:
                raise PositionLost(
                    f"Expected to read {journal} from offset {needed} on, but it holds {low} to {end - 1}: it was "
                    "shortened or made anew. "
                    "A read model is built anew from the last checkpoint; other readers need the lost records restored"
                )
        self._positions = found
        self._ends = {journal: end for journal, (_, end) in bounds.items() if found[journal].next_offset < end}
        self._source.assign({journal: position.next_offset for journal, position in found.items()})

    def _last_reign(self, journal: TopicPartition) -> Position:
        last = look_back(self._log, journal, self._codec)
        return START if last is None else Position(last.epoch - 1)

    def _check_topics(self) -> None:
        now = self._clock.monotonic_ms()
        if now < self._next_check:
            return
        self._next_check = now + self._limits.topic_check_ms
        try:
            self._guard.check()
        except LogAway:
            return  # Nothing is known; the next check comes.
