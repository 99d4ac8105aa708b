"""The log of a simulation: keeps everything that was ever appended, and lets chance decide what becomes of appends."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import msgspec

from headrace.contracts.headers import Headers
from headrace.contracts.topics import JOURNALS, snapshots_of, topic_specs
from headrace.shard.memory import Append, Delivery, MemoryLog, MemoryWriter
from headrace.shard.memory_snapshots import Commit, MemorySnapshotWriter
from headrace.shard.ports import Clock, TopicPartition


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One record as it was appended. `seq` orders the appends to all topics."""

    seq: int
    offset: int
    at: int
    key: bytes
    value: bytes
    headers: Headers


class SimLog(MemoryLog):
    """The topics of a namespace. `archive` keeps what is deleted from them, for checkers."""

    archive: dict[TopicPartition, list[Entry]]

    def __init__(
        self, clock: Clock, random: Random, *, decision: int, dispatcher: int, resource: int, record_limit_bytes: int
    ) -> None:
        self.archive = {}
        self.seq = 0
        self.fault_rate = 0.0
        """How often a delivery goes wrong."""
        self.commit_fault_rate = 0.0
        self.note: Callable[[str], None] = lambda _: None
        self._random = random
        self._record_limit = record_limit_bytes + 512
        self._snapshots = [
            TopicPartition(snapshots_of(journal), number)
            for journal, count in zip(JOURNALS, (decision, dispatcher, resource), strict=True)
            for number in range(count)
        ]
        counts = {"decision_shards": decision, "dispatcher_shards": dispatcher, "resource_shards": resource}
        specs = topic_specs().items()
        partitions = {name: counts.get(str(spec.partitions)) or int(spec.partitions) for name, spec in specs}
        super().__init__(
            clock, partitions, choose=self._outcome, choose_commit=lambda _: self._commit_outcome(), hold=True
        )

    def append(
        self, topic: str, partition: int, value: bytes, *, key: bytes = b"", headers: Headers | None = None
    ) -> int:
        """Append a record, and keep it for ever in the archive."""
        offset = super().append(topic, partition, value, key=key, headers=headers)
        self.seq += 1
        entry = Entry(
            seq=self.seq, offset=offset, at=self.clock.now_ms(), key=key, value=value, headers=list(headers or ())
        )
        self.archive.setdefault(TopicPartition(topic, partition), []).append(entry)
        return offset

    def entries(self, topic: str, partition: int) -> list[Entry]:
        """Return everything that was ever appended to a partition."""
        return self.archive.get(TopicPartition(topic, partition), [])

    def deliver_from(self, writer: MemoryWriter) -> None:
        """Let the oldest append of a writer arrive: a producer keeps its order."""
        append = next(append for append in self.in_flight if append.writer is writer)
        self.in_flight.remove(append)
        self.deliver_one(append)

    def writers(self) -> list[MemoryWriter]:
        """Return the writers that have something in flight."""
        return list(dict.fromkeys(append.writer for append in self.in_flight))

    def advance_snapshot(self) -> bool:
        """Let one write of a checkpoint happen; False when none is under way."""
        if not self.snapshots_under_way or self.away:
            return False
        return self._random.choice(self.snapshots_under_way).advance()

    def compact_snapshots(self) -> None:
        """Clean the compacted topics, as a broker does now and then."""
        for partition in self._snapshots:
            self.compact(partition)

    def _commit_outcome(self) -> Commit:
        if self._random.random() >= self.commit_fault_rate:
            return Commit.COMMITTED
        outcome = self._random.choice(list(Commit))
        self.note(f"commit of a checkpoint: {outcome.value}")
        return outcome

    def _outcome(self, append: Append) -> Delivery:
        if len(append.value) > self._record_limit:
            return Delivery.FAILED  # as a broker refuses what exceeds its message.max.bytes
        if self._random.random() >= self.fault_rate:
            return Delivery.WRITTEN
        outcome = self._random.choice(list(Delivery))
        if outcome is not Delivery.WRITTEN:
            self.note(f"delivery to {append.writer.partition} token {append.token}: {outcome.value}")
        return outcome


class SimWriter(MemoryWriter):
    """A writer whose appends are also kept in order, as its owner made them."""

    def __init__(self, log: SimLog, partition: TopicPartition) -> None:
        super().__init__(log, partition)
        self.appended: list[tuple[bytes, Headers]] = []
        self.compared = 0

    def append(self, token: int, value: bytes, headers: Headers) -> None:
        """Begin an append."""
        self.appended.append((value, headers))
        super().append(token, value, headers)


class ProcessLog:
    """The log as one process uses it: knows which writers are the process's own."""

    def __init__(self, log: SimLog) -> None:
        self.shared = log
        self.writers: list[SimWriter] = []
        self.snapshot_writers: list[MemorySnapshotWriter] = []

    def writer(self, partition: TopicPartition, name: str) -> SimWriter:
        """Return a new writer."""
        made = SimWriter(self.shared, partition)
        self.writers.append(made)
        return made

    def snapshot_writer(self, partition: TopicPartition, name: str) -> MemorySnapshotWriter:
        """Return a new writer of snapshots."""
        made = self.shared.snapshot_writer(partition, name)
        self.snapshot_writers.append(made)
        return made

    def __getattr__(self, name: str) -> object:
        """Everything else is the log's."""
        return getattr(self.shared, name)

    def cut_off(self, random: Random) -> None:
        """The process ends: of what its producers held, a first part may still arrive."""
        for writer in self.writers:
            mine = [append for append in self.shared.in_flight if append.writer is writer]
            for append in mine[random.randint(0, len(mine)) :]:
                self.shared.in_flight.remove(append)
        for snapshots in self.snapshot_writers:
            if snapshots.writes:
                for _ in range(random.randint(0, len(snapshots.writes))):
                    snapshots.writes.pop()
                if not snapshots.writes:
                    self.shared.snapshots_under_way.remove(snapshots)
