"""Snapshots in memory: written in transactions, one write at a time, by whoever fenced the partition last."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING

from headrace.shard.memory_partition import MemoryPartition
from headrace.shard.ports import TopicPartition, Writing

if TYPE_CHECKING:
    from headrace.shard.memory import MemoryLog


class Commit(Enum):
    """What becomes of a commit."""

    COMMITTED = "committed"
    ABORTED = "aborted"
    """The transaction is given up, and the writer is told that it failed."""
    UNREPORTED = "unreported"
    """It is committed, but the writer is told that it failed."""
    OPEN = "open"
    """Nothing happens: the writer is told that it failed, and the transaction stays open until the next fence."""


def always_committed(_writer: MemorySnapshotWriter) -> Commit:
    """Commit everything."""
    return Commit.COMMITTED


class MemorySnapshotWriter:
    """Writes snapshots into a memory log.

    Every `poll` does up to `snapshot_writes_per_poll` writes (the log's; a commit is one, too), so a scheduler can end
    the process between any two of them. While the log holds deliveries, `poll` does nothing, and somebody calls
    `advance`; what a closed writer had begun can then still arrive.
    """

    def __init__(self, log: MemoryLog, partition: TopicPartition, target: MemoryPartition) -> None:
        self.partition = partition
        self.writes: deque[Callable[[], None]] = deque()
        """What is still to be done for the order that is under way."""
        self._log = log
        self._target = target
        self._number = 0
        self._failed = False

    def fence(self) -> None:
        """Begin to shut out earlier writers."""
        self._order([self._shut_out])

    def write(self, records: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Begin one transaction."""
        assert self._number > 0, "a writer must fence before it writes"
        self._order([*(partial(self._put, key, value) for key, value in records), self._commit])

    def poll(self) -> Writing:
        """Do what the log lets one do in a poll, and tell how it stands."""
        if not self._log.hold:
            for _ in range(self._log.snapshot_writes_per_poll):
                if not self.advance():
                    break
        if self._failed:
            return Writing.FAILED
        return Writing.UNDER_WAY if self.writes else Writing.DONE

    def advance(self) -> bool:
        """Do the next write; False when there was none or the log is away."""
        if not self.writes or self._log.away:
            return False
        self.writes.popleft()()
        if not self.writes:
            self._log.snapshots_under_way.remove(self)
        return True

    def close(self) -> None:
        """Give up; with `hold`, what is under way stays so."""
        if self.writes and not self._log.hold:
            self._drop()

    def _order(self, writes: Sequence[Callable[[], None]]) -> None:
        assert not self.writes, "one order at a time"
        assert not self._failed, "a writer that failed takes no orders"
        self.writes.extend(writes)
        self._log.snapshots_under_way.append(self)

    def _drop(self) -> None:
        self.writes.clear()
        self._log.snapshots_under_way.remove(self)

    def _shut_out(self) -> None:
        for number in list(self._target.open):
            self._target.close_transaction(number, commit=False)
        self._target.fence += 1
        self._number = self._target.fence

    def _put(self, key: bytes, value: bytes | None) -> None:
        if not self._is_let_in():
            return
        offset = self._target.append(self.partition, self._log.clock.now_ms(), key, value or b"", [])
        self._target.open.setdefault(self._number, []).append(offset)

    def _commit(self) -> None:
        if not self._is_let_in():
            return
        outcome = self._log.choose_commit(self)
        self._failed = outcome is not Commit.COMMITTED
        if outcome is not Commit.OPEN:
            self._target.close_transaction(self._number, commit=outcome is not Commit.ABORTED)

    def _is_let_in(self) -> bool:
        if self._number == self._target.fence:
            return True
        self._failed = True
        self.writes.clear()
        return False
