"""What the projector tells the read API of its progress: in memory, since both live in one process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import msgspec

from headrace.runtime import metrics
from headrace.shard.ports import TopicPartition
from headrace.shard.reader_rule import Position

_rows = metrics.counter("headrace.status.rows", "Rows written or removed by the projection")
_records = metrics.counter("headrace.status.records", "Records that the projection has read")
_batches = metrics.counter("headrace.status.batches", "Transactions that the projection has committed")
_refused = metrics.counter("headrace.status.refused_rows", "Rows that Postgres refused")
_lag = metrics.gauge("headrace.status.lag", "How far the read model is behind the log", "ms")


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """One partition: the last record in the rows, and its time in ms (0 before the first)."""

    position: Position
    at: int


class Board:
    """Where the projection is. Written by the projector's thread, read by the API."""

    def __init__(self, now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        self._now_ms = now_ms
        self._lock = threading.Lock()
        self._progress: dict[TopicPartition, Progress] = {}
        self._level_at = now_ms()  # before that nothing is known of the log
        self._level = False
        self._listeners: list[Callable[[], None]] = []
        self._waiting = 0
        self._hurry = threading.Event()
        self.caught_up_once = threading.Event()
        self.role = "starting"

    def opened(self, positions: Mapping[TopicPartition, Position]) -> None:
        """Take the positions that were loaded."""
        with self._lock:
            known = self._progress
            self._progress = {
                where: Progress(position=position, at=known[where].at if where in known else 0)
                for where, position in positions.items()
            }
            self._level = False

    def committed(self, progress: Mapping[TopicPartition, Progress], *, records: int, rows: int, refused: int) -> None:
        """Take a transaction that was committed, and wake whoever waits for news."""
        with self._lock:
            self._progress |= progress
        _records.add(records)
        _rows.add(rows)
        _batches.add()
        if refused:
            _refused.add(refused)
        for listener in list(self._listeners):
            listener()

    def level(self, *, level: bool) -> None:
        """Note whether everything that the log holds, as far as it answers, is in the rows."""
        with self._lock:
            if level:
                self._level_at = self._now_ms()
            self._level = level
        if level:
            self.caught_up_once.set()
        _lag.set(self.lag_ms())

    def lag_ms(self) -> int:
        """Return how old the rows may be: 0 while everything that the log holds is in them."""
        with self._lock:
            if self._level:
                return 0
            latest = max((progress.at for progress in self._progress.values()), default=0)
            known = max(self._level_at, latest)
        return max(self._now_ms() - known, 0)

    def progress(self) -> dict[TopicPartition, Progress]:
        """Return all positions."""
        with self._lock:
            return dict(self._progress)

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after every commit, from the projector's thread; the returned function ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """While somebody waits for news, the projector does not let records gather."""
        with self._lock:
            self._waiting += 1
            self._hurry.set()
        try:
            yield
        finally:
            with self._lock:
                self._waiting -= 1
                if not self._waiting:
                    self._hurry.clear()

    def rest(self, seconds: float, hurried_seconds: float) -> None:
        """Let records gather for a while; shorter where somebody waits, or begins to."""
        began = time.monotonic()
        self._hurry.wait(seconds)
        left = min(seconds, hurried_seconds) - (time.monotonic() - began)
        if left > 0:
            time.sleep(left)
