"""Log lines on their way to the logs topic. Nothing else may be dropped by a worker; no task waits for its lines."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

from headrace.contracts.codec import Codec
from headrace.contracts.log_lines import LogLine
from headrace.contracts.partition import shard_of
from headrace.contracts.task_events import TaskScheduled
from headrace.contracts.topics import LOGS
from headrace.shard.ports import Clock
from headrace_execution.worker.outbox import Outbox

SERVICE = "worker"


class Shipping:
    """Sends lines with the ids of their attempt; at most `limit` are under way."""

    def __init__(
        self, outbox: Outbox, codec: Codec, clock: Clock, worker: str, *, decision_shards: int, limit: int
    ) -> None:
        self._outbox = outbox
        self._codec = codec
        self._clock = clock
        self._worker = worker
        self._shards = decision_shards
        self._limit = limit
        self._lock = threading.Lock()
        self._under_way = 0
        self._dropped = 0

    def of(self, task: TaskScheduled) -> Callable[[str, str], None]:
        """Return what takes the lines of an attempt."""
        return partial(self._ship, task)

    def _ship(self, task: TaskScheduled, level: str, message: str) -> None:
        with self._lock:
            if self._under_way >= self._limit:
                self._dropped += 1
                return
            dropped, self._dropped = self._dropped, 0
            self._under_way += 2 if dropped else 1
        if dropped:
            self._send(task, "warning", f"[{dropped} lines of this worker were dropped while the log did not answer]")
        self._send(task, level, message)

    def _send(self, task: TaskScheduled, level: str, message: str) -> None:
        line = LogLine(
            at=self._clock.now_ms(),
            level=level,
            service=SERVICE,
            source=self._worker,
            workflow_id=task.workflow_id,
            run_id=task.run_id,
            step=task.step,
            attempt=task.attempt,
            task=task.task,
            node=task.node,
            index=task.index,
            message=message,
            trace=task.trace,
        )
        partition = shard_of(task.workflow_id, self._shards)
        self._outbox.send(LOGS, partition, task.workflow_id, self._codec.encode(line), None, self._arrived)

    def _arrived(self, _offset: int) -> None:
        with self._lock:
            self._under_way -= 1
