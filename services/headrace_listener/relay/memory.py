"""The relay's output on the in-memory log: for tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum

from headrace.contracts import topics
from headrace.contracts.codec import Codec
from headrace.contracts.partition import shard_of
from headrace.shard.memory import MemoryLog
from headrace.shard.ports import TopicPartition
from headrace.shard.reader_rule import Position
from headrace_listener.outgoing import Outgoing
from headrace_listener.relay.ports import Fenced, Stored, TransactionFailed
from headrace_listener.relay.positions import position_record, stored_in


class Outcome(Enum):
    """What becomes of a transaction."""

    COMMITTED = "committed"
    ABORTED = "aborted"
    UNREPORTED = "unreported"
    """It is committed, but its writer is told that it failed."""


class MemoryOutput:
    """Writes all of a transaction or nothing. The latest output fences the others, by their shared `fence`."""

    def __init__(
        self, log: MemoryLog, fence: list[int], choose: Callable[[], Outcome] = lambda: Outcome.COMMITTED
    ) -> None:
        fence.append(len(fence))
        self._epoch = fence[-1]
        self._fence = fence
        self._log = log
        self._codec = Codec()
        self._choose = choose

    def stored(self) -> Stored:
        """Return what was written last."""
        return stored_in(
            self._codec, ((record.key, record.value) for record in self._log.records(topics.LISTENER_POSITIONS, 0))
        )

    def write(self, records: Sequence[Outgoing], positions: Mapping[TopicPartition, Position]) -> None:
        """Write records and positions, or nothing."""
        if self._fence[-1] != self._epoch:
            raise Fenced("a newer relay has begun")
        outcome = self._choose()
        if outcome is Outcome.ABORTED:
            raise TransactionFailed("aborted")
        for record in (*records, *(position_record(self._codec, where, at) for where, at in positions.items())):
            partition = shard_of(record.key.decode("utf-8", "replace"), self._log.partition_count(record.topic))
            self._log.append(record.topic, partition, record.value or b"", key=record.key, headers=record.headers)
        if outcome is Outcome.UNREPORTED:
            raise TransactionFailed("nobody knows")

    def close(self) -> None:
        """Nothing is held."""
