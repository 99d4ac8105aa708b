"""What a worker sends: results, reports and log lines. A port with two adapters."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from headrace.contracts.headers import Headers
from headrace.contracts.topics import full_name
from headrace.runtime.settings import Settings
from headrace.shard.kafka.availability import Availability
from headrace.shard.kafka.options import writer_options
from headrace.shard.memory import MemoryLog

_log = logging.getLogger("headrace.worker")
# A full queue empties as soon as the broker answers again.
_FULL_PAUSE_S = 0.05

Acknowledged = Callable[[int], None]
"""Called with the offset."""


class OutboxBroken(Exception):
    """The producer has failed for good: the process must end, and another take its place."""


class Outbox(Protocol):
    """Sends records, each until the log has it. `send` may be called from any thread, the others from one."""

    def send(
        self,
        topic: str,
        partition: int,
        key: str,
        value: bytes,
        headers: Headers | None = None,
        acknowledged: Acknowledged | None = None,
    ) -> None:
        """Begin to send; `acknowledged` is called from `poll`."""

    def poll(self) -> None:
        """Call back for what the log has acknowledged. Raises `OutboxBroken`."""

    def flush(self, timeout_s: float) -> bool:
        """Wait until everything is acknowledged; False when time ran out."""


class KafkaOutbox:
    """One idempotent producer for everything."""

    def __init__(self, settings: Settings, name: str, availability: Availability) -> None:
        """Connect lazily."""
        self._namespace = settings.namespace
        self._availability = availability
        self._broken = ""
        self._producer = Producer({**writer_options(settings, name), "error_cb": self._failed})

    def send(
        self,
        topic: str,
        partition: int,
        key: str,
        value: bytes,
        headers: Headers | None = None,
        acknowledged: Acknowledged | None = None,
    ) -> None:
        """Begin to send; wait where too much is under way already."""

        def delivered(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                self._broken = f"{full_name(self._namespace, topic)} refused a record: {error.str() or error.name()}"
                return
            self._availability.answered()
            if acknowledged is not None:
                acknowledged(message.offset() or 0)

        name = full_name(self._namespace, topic)
        while True:
            try:
                self._producer.produce(name, value, key, partition, on_delivery=delivered, headers=list(headers or ()))
            except BufferError:
                time.sleep(_FULL_PAUSE_S)
            except KafkaException as error:
                self._broken = f"{name} did not take a record: {error}"
                return
            else:
                return

    def poll(self) -> None:
        """Call back for what the log has acknowledged."""
        self._producer.poll(0)
        if self._broken:
            raise OutboxBroken(self._broken)

    def flush(self, timeout_s: float) -> bool:
        """Wait until everything is acknowledged."""
        return self._producer.flush(timeout_s) == 0

    def _failed(self, error: KafkaError) -> None:
        self._availability.failed(error)
        if error.fatal():
            self._broken = error.str() or error.name()


class MemoryOutbox:
    """Appends to the in-memory log; while that is away, everything waits in order."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self._waiting: deque[tuple[str, int, str, bytes, Headers, Acknowledged | None]] = deque()
        self._acks: deque[tuple[Acknowledged, int]] = deque()
        self._lock = threading.Lock()

    def send(
        self,
        topic: str,
        partition: int,
        key: str,
        value: bytes,
        headers: Headers | None = None,
        acknowledged: Acknowledged | None = None,
    ) -> None:
        """Append, or keep until the log is back."""
        with self._lock:
            self._waiting.append((topic, partition, key, value, headers or [], acknowledged))
            self._deliver()

    def poll(self) -> None:
        """Call back for what was appended."""
        with self._lock:
            self._deliver()
            acks = list(self._acks)
            self._acks.clear()
        for acknowledged, offset in acks:
            acknowledged(offset)

    def flush(self, timeout_s: float) -> bool:
        """Append what waits."""
        self.poll()
        return not self._waiting

    def _deliver(self) -> None:
        while self._waiting and not self._log.away:
            topic, partition, key, value, headers, acknowledged = self._waiting.popleft()
            offset = self._log.append(topic, partition, value, key=key.encode(), headers=headers)
            if acknowledged is not None:
                self._acks.append((acknowledged, offset))
