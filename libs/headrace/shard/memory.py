"""The log in memory: deterministic, for simulations and for tests, users' tests included.

Nothing happens by itself. An append reaches the log when it is made, or, with `hold`, when somebody delivers it
(`deliver`), which is how a simulation lets a zombie's record arrive late. What becomes of each append is chosen by a
function (`Delivery`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from enum import Enum

import msgspec

from headrace.contracts.headers import Headers
from headrace.contracts.topics import is_journal, snapshots_of, topic_specs
from headrace.shard.memory_partition import MemoryPartition
from headrace.shard.memory_snapshots import Commit, MemorySnapshotWriter, always_committed
from headrace.shard.ports import Ack, Bounds, Clock, LogAway, PositionLost, Record, TopicPartition


class Delivery(Enum):
    """What becomes of an append."""

    WRITTEN = "written"
    FAILED = "failed"
    """It never reaches the log, and the writer is told."""
    UNREPORTED = "unreported"
    """It is in the log, but the writer is told that it failed."""
    NO_OFFSET = "no offset"
    """It is in the log, and the writer is told so without an offset."""
    DOUBLED = "doubled"
    """It is in the log twice; the writer is told the first offset."""


class Append(msgspec.Struct, frozen=True):
    """An append on its way."""

    writer: MemoryWriter
    token: int
    value: bytes
    headers: Headers


def always_written(_append: Append) -> Delivery:
    """Deliver everything."""
    return Delivery.WRITTEN


class MemoryLog:
    """Topics in memory, stamped with the time of a given clock."""

    def __init__(
        self,
        clock: Clock,
        partitions: Mapping[str, int],
        *,
        choose: Callable[[Append], Delivery] = always_written,
        choose_commit: Callable[[MemorySnapshotWriter], Commit] = always_committed,
        hold: bool = False,
    ) -> None:
        """Make topics with so many partitions each; a journal's snapshot topic comes with it."""
        self.clock = clock
        self.choose = choose
        self.choose_commit = choose_commit
        self.hold = hold
        self.away = False
        """While true nothing answers: look-ups raise `LogAway`, sources and writers stand still."""
        self.in_flight: deque[Append] = deque()
        self.snapshot_writes_per_poll = 1_000_000
        """With 1, a snapshot takes a step of its shard for every write, so that it can be cut off between any two."""
        self.snapshots_under_way: list[MemorySnapshotWriter] = []
        self._logs: dict[TopicPartition, MemoryPartition] = {}
        self._ids: dict[str, str] = {}
        self._made = 0
        for topic, count in partitions.items():
            self.create(topic, count)

    @classmethod
    def of_namespace(
        cls, clock: Clock, *, decision_shards: int = 1, dispatcher_shards: int = 1, resource_shards: int = 1
    ) -> MemoryLog:
        """Return a log that has every topic of `schemas/topics.yaml`."""
        counts = {
            "decision_shards": decision_shards,
            "dispatcher_shards": dispatcher_shards,
            "resource_shards": resource_shards,
        }
        specs = topic_specs().items()
        return cls(clock, {name: counts.get(str(spec.partitions)) or int(spec.partitions) for name, spec in specs})

    def create(self, topic: str, partitions: int) -> None:
        """Make a topic; one of the same name is deleted first, and the new one has another id."""
        for partition in [known for known in self._logs if known.topic == topic]:
            del self._logs[partition]
        self._made += 1
        self._ids[topic] = f"topic-{self._made}"
        for number in range(partitions):
            self._logs[TopicPartition(topic, number)] = MemoryPartition()
        if is_journal(topic) and snapshots_of(topic) not in self._ids:
            self.create(snapshots_of(topic), partitions)

    def shorten(self, partition: TopicPartition, low: int) -> None:
        """Delete every record below an offset, as an operator or a retention time would."""
        self._logs[partition].shorten(low)

    def compact(self, partition: TopicPartition) -> None:
        """Drop what is outdated in a compacted topic, as the cluster does at some time."""
        self._logs[partition].compact()

    def append(
        self, topic: str, partition: int, value: bytes, *, key: bytes = b"", headers: Headers | None = None
    ) -> int:
        """Append a record as any client would; return its offset."""
        where = TopicPartition(topic, partition)
        return self._logs[where].append(where, self.clock.now_ms(), key, value, headers or [])

    def records(self, topic: str, partition: int) -> list[Record]:
        """Return what stands in a partition."""
        return list(self._logs[TopicPartition(topic, partition)].records)

    def deliver(self) -> bool:
        """Let the oldest append that is under way arrive; False when there was none."""
        if not self.in_flight or self.away:
            return False
        self.deliver_one(self.in_flight.popleft())
        return True

    def deliver_one(self, append: Append) -> None:
        """Let one append arrive that was taken out of `in_flight`."""
        outcome = self.choose(append)
        offset = -1
        if outcome is not Delivery.FAILED:
            topic, partition = append.writer.partition
            offset = self.append(topic, partition, append.value, headers=append.headers)
            if outcome is Delivery.DOUBLED:
                self.append(topic, partition, append.value, headers=append.headers)
        failed = outcome in (Delivery.FAILED, Delivery.UNREPORTED)
        append.writer.acks.append(
            Ack(
                token=append.token,
                offset=-1 if failed or outcome is Delivery.NO_OFFSET else offset,
                error="the delivery failed" if failed else "",
                at=self.clock.now_ms(),
            )
        )

    def bounds(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, Bounds]:
        """Return the bounds of partitions."""
        self._answer()
        logs = {partition: self._existing(partition) for partition in partitions}
        return {partition: Bounds(log.low, log.end) for partition, log in logs.items()}

    def record_at(self, partition: TopicPartition, offset: int) -> Record | None:
        """Return the first record at or after an offset; None when there is none."""
        self._answer()
        found, _ = self.read(partition, offset, 1)
        return found[0] if found else None

    def read(
        self, partition: TopicPartition, offset: int, limit: int, *, committed: bool = False
    ) -> tuple[list[Record], int]:
        """Return up to `limit` records from an offset on, and the offset that comes after them."""
        log = self._existing(partition)
        if not log.low <= offset <= log.end:
            raise PositionLost(
                f"Expected offset {offset} of {partition} to exist, but it holds {log.low} to {log.end - 1}; "
                "the topic was shortened or made anew"
            )
        found = log.read(offset, limit, committed=committed)
        if len(found) == limit:
            return found, found[-1].offset + 1
        return found, max(offset, log.stable_end if committed else log.end)

    def topic_ids(self, topics: Iterable[str]) -> dict[str, str]:
        """Return the ids of the topics that exist."""
        self._answer()
        return {topic: self._ids[topic] for topic in topics if topic in self._ids}

    def partition_count(self, topic: str) -> int:
        """Return how many partitions a topic has."""
        self._answer()
        return sum(1 for partition in self._logs if partition.topic == topic)

    def offset_at(self, partition: TopicPartition, at_ms: int) -> int:
        """Return the offset of the first record of a time or later; the end where there is none."""
        self._answer()
        log = self._existing(partition)
        return next((record.offset for record in log.records if record.at >= at_ms), log.end)

    def delete_before(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Delete what lies before these offsets, unless the log is away."""
        if not self.away:
            for partition, low in offsets.items():
                self.shorten(partition, low)

    def source(self, name: str, *, committed: bool = False, rare: Collection[str] = ()) -> MemorySource:
        """Return a new source."""
        return MemorySource(self, committed=committed)

    def writer(self, partition: TopicPartition, name: str) -> MemoryWriter:
        """Return a new writer."""
        return MemoryWriter(self, partition)

    def snapshot_writer(self, partition: TopicPartition, name: str) -> MemorySnapshotWriter:
        """Return a new writer of snapshots."""
        return MemorySnapshotWriter(self, partition, self._existing(partition))

    def close(self) -> None:
        """Nothing is held."""

    def _answer(self) -> None:
        if self.away:
            raise LogAway("the log is away")

    def _existing(self, partition: TopicPartition) -> MemoryPartition:
        log = self._logs.get(partition)
        if log is None:
            raise PositionLost(f"Expected {partition} to exist, but it does not; create the topics")
        return log


class MemorySource:
    """Reads partitions of a memory log, in turn."""

    def __init__(self, log: MemoryLog, *, committed: bool = False) -> None:
        self._log = log
        self._committed = committed
        self._next: dict[TopicPartition, int] = {}

    def assign(self, starts: Mapping[TopicPartition, int]) -> None:
        """Read these partitions, too, each from this offset on."""
        self._next.update(starts)

    def drop(self, partitions: Iterable[TopicPartition]) -> None:
        """Read these partitions no more."""
        for partition in partitions:
            self._next.pop(partition, None)

    def assigned(self) -> Mapping[TopicPartition, int]:
        """Return the offset that is to be delivered next, by partition."""
        return self._next

    def poll(self, limit: int, wait_ms: int) -> list[Record]:
        """Return up to `limit` records."""
        found: list[Record] = []
        if self._log.away:
            return found
        for partition, offset in list(self._next.items()):
            if len(found) >= limit:
                break
            part, after = self._log.read(partition, offset, limit - len(found), committed=self._committed)
            if after != offset:
                found.extend(part)
                # What was read goes to the back, so that one busy partition does not starve the others.
                del self._next[partition]
                self._next[partition] = after
        return found

    def heard(self, topic: str) -> None:
        """Everything is read at once."""

    def close(self) -> None:
        """Forget the assignment."""
        self._next.clear()


class MemoryWriter:
    """Appends to one partition of a memory log."""

    def __init__(self, log: MemoryLog, partition: TopicPartition) -> None:
        self.partition = partition
        self.acks: list[Ack] = []
        self._log = log

    def append(self, token: int, value: bytes, headers: Headers) -> None:
        """Begin an append; without `hold` it has happened on return."""
        append = Append(self, token, value, headers)
        if self._log.hold or self._log.away:
            self._log.in_flight.append(append)
        else:
            self._log.deliver_one(append)

    def poll(self, wait_ms: int) -> list[Ack]:
        """Return what has become known since the last call."""
        if not self._log.hold:
            while self._log.deliver():  # what was appended while the log was away
                pass
        acks, self.acks = self.acks, []
        return acks

    def close(self) -> None:
        """Give up; what is in flight stays in flight."""
