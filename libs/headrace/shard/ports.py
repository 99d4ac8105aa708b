"""What a shard needs from the outside world: a log, a group that hands out shards, a clock.

Two adapters implement each port: `headrace.shard.memory` and `headrace.shard.kafka`; one contract suite runs over both.
Topics are named without the namespace here. Nothing in these ports calls back: what has happened is asked for with
`poll`, so the state machine runs in one thread, and a simulation can drive it step by step.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from enum import Enum
from typing import NamedTuple, Protocol

import msgspec

from headrace.contracts.headers import Headers


class TopicPartition(NamedTuple):
    """One partition of a topic; the topic without the namespace."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]"


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One record as it stands in the log.

    `at` is the broker's time (ms since the epoch) where the topic stamps records.
    """

    topic: str
    partition: int
    offset: int
    at: int
    key: bytes = b""
    value: bytes = b""
    headers: Headers = []


class Ack(msgspec.Struct, frozen=True, gc=False):
    """What became of an append: its offset, or -1 when the log did not say, and the error, empty when there was none.

    An error does not mean that the record is not in the log. `at` is the time the broker gave it, -1 where unknown.
    """

    token: int
    offset: int = -1
    error: str = ""
    at: int = -1


class Bounds(NamedTuple):
    """The first offset that still exists, and the offset that the next record will get."""

    low: int
    end: int


class LogAway(Exception):
    """The log does not answer now. Wait and ask again; nothing is known to be lost."""


class PositionLost(Exception):
    """Records that a reader still needs do not exist (any more), or the topic is not the one it was.

    Waiting cannot help.
    """


class LookUps(Protocol):
    """Questions about the log that are answered at once. Every method raises `LogAway` when the log does not answer."""

    def bounds(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, Bounds]:
        """Return the bounds of partitions. Raises `PositionLost` when one does not exist."""

    def record_at(self, partition: TopicPartition, offset: int) -> Record | None:
        """Return the first record at or after an offset; None when there is none."""

    def topic_ids(self, topics: Iterable[str]) -> dict[str, str]:
        """Return the ids that the log gave to topics when they were made; topics that do not exist are left out."""

    def partition_count(self, topic: str) -> int:
        """Return how many partitions a topic has."""

    def offset_at(self, partition: TopicPartition, at_ms: int) -> int:
        """Return the offset of the first record that the log stamped at a time (ms since the epoch) or later.

        The end where there is none.
        """


class RecordSource(Protocol):
    """Reads several partitions in one stream: in order within a partition, in any order between them."""

    def assign(self, starts: Mapping[TopicPartition, int]) -> None:
        """Read these partitions, too, each from this offset on; one that is being read moves there."""

    def drop(self, partitions: Iterable[TopicPartition]) -> None:
        """Read these partitions no more."""

    def assigned(self) -> Mapping[TopicPartition, int]:
        """Return the offset that is to be delivered next, by partition.

        It moves past what is never delivered (such as a transaction's markers) once the end of the partition is
        reached.
        """

    def poll(self, limit: int, wait_ms: int) -> list[Record]:
        """Return up to `limit` records; wait at most `wait_ms` for the first. Empty while the log does not answer.

        Raises:
            PositionLost: an assigned offset does not exist (any more).
        """

    def heard(self, topic: str) -> None:
        """Learn that a record of this topic was for the reader (`Log.source`)."""

    def close(self) -> None:
        """Free what the source holds."""


class JournalWriter(Protocol):
    """Appends to one partition, in order, several appends at a time in flight."""

    def append(self, token: int, value: bytes, headers: Headers) -> None:
        """Begin an append. Its `Ack` comes from `poll`, under the same token."""

    def poll(self, wait_ms: int) -> list[Ack]:
        """Return what has become known since the last call; wait at most `wait_ms` for the first."""

    def close(self) -> None:
        """Give up: what is in flight may or may not reach the log, and nobody is told."""


class Writing(Enum):
    """How a snapshot writer's last order is doing."""

    UNDER_WAY = "under way"
    DONE = "done"
    FAILED = "failed"
    """It failed, or nobody can tell whether it did."""


class SnapshotWriter(Protocol):
    """Writes one partition of a snapshot topic, in transactions; the log lets in only whoever fenced it last.

    One order at a time: the next may be given once `poll` has said what became of the last.
    """

    def fence(self) -> None:
        """Begin to shut out every earlier writer of the partition.

        Once that is done, what they have not committed by then will never be there.
        """

    def write(self, records: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Begin one transaction of keys and values; None deletes a key. All of it will be there, or nothing.

        The records are asked for while it is under way, perhaps by another thread.
        """

    def poll(self) -> Writing:
        """Tell what has become of the last order."""

    def close(self) -> None:
        """Give up: what is under way may or may not come to be, and nobody is told."""


class Log(LookUps, Protocol):
    """The topics of a namespace, as one process uses them."""

    @property
    def away(self) -> bool:
        """Tell whether the log seems not to answer. It may answer again before this says so: a look-up tells."""

    def source(self, name: str, *, committed: bool = False, rare: Collection[str] = ()) -> RecordSource:
        """Return a new source; the name is for people.

        With `committed`, records of transactions that were not committed (yet) are not delivered. Records of `rare`
        topics may come some milliseconds late while the source has not `heard` for a while that any was for the reader.
        """

    def writer(self, partition: TopicPartition, name: str) -> JournalWriter:
        """Return a new writer; the name is for people."""

    def snapshot_writer(self, partition: TopicPartition, name: str) -> SnapshotWriter:
        """Return a new writer of snapshots; the name is for people."""

    def delete_before(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Begin to delete what lies before these offsets. Whether it succeeds shows in `bounds`; ask again later."""

    def close(self) -> None:
        """Free what the log holds."""


class Membership(Protocol):
    """The group that spreads shards over processes. Safety does not depend on it: it may be wrong at any time."""

    def poll(self) -> None:
        """Take part in the group; call it often."""

    def shards(self) -> frozenset[int]:
        """Return the shards that this process has, as far as it knows."""

    def joined(self) -> bool:
        """Tell whether the group has given this process its part (which may be nothing)."""

    def confirm(self, shard: int) -> bool | None:
        """Tell whether the group's coordinator accepts an offset commit of ours for a shard; None while not known yet.

        The first call asks, later calls fetch the answer; once it has been given, a further call asks anew.
        """

    def close(self) -> None:
        """Leave the group."""


class Clock(Protocol):
    """Time, as the process sees it."""

    def now_ms(self) -> int:
        """Return wall-clock time in ms since the epoch; it may jump."""

    def monotonic_ms(self) -> int:
        """Return ms since some fixed moment; it never goes back."""
