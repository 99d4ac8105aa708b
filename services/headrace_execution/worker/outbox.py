"""What a worker sends: results, reports and log lines. A port with two adapters."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import NamedTuple, Protocol

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from headrace.contracts.headers import Headers
from headrace.contracts.topics import full_name
from headrace.runtime.settings import Settings
from headrace.shard.kafka.availability import Availability
from headrace.shard.kafka.options import writer_options
from headrace.shard.memory import MemoryLog

# Records that wait or are under way, beyond which a sender waits: the queue empties as soon as the broker answers.
_FULL_RECORDS = 50_000
# Acknowledgements end the wait early; this bounds how late a broken producer is noticed.
_ACK_WAIT_S = 0.1

# A burst from which on results gather for a while.
_MANY = 8

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


class _Letter(NamedTuple):
    topic: str
    partition: int
    key: str
    value: bytes
    headers: Headers
    acknowledged: Acknowledged | None


class KafkaOutbox:
    """One idempotent producer for everything, and a thread that sends in bursts.

    A burst is all that was handed in while the one before it was under way. So batching follows the load: a result
    alone goes out at once, and hundreds share their requests, without a single pause. It also keeps the number of
    requests in flight small: librdkafka's thread spins while as many are in flight as may be.
    """

    def __init__(self, settings: Settings, name: str, availability: Availability) -> None:
        """Connect lazily."""
        self._namespace = settings.namespace
        self._availability = availability
        self._gather_s = settings.gather_ms / 4_000
        self._broken = ""
        self._letters: SimpleQueue[_Letter] = SimpleQueue()
        self._acks: deque[tuple[Acknowledged, int]] = deque()
        self._changed = threading.Condition()
        self._unacknowledged = 0
        self._producer = Producer({**writer_options(settings, name), "error_cb": self._failed})
        threading.Thread(target=self._run, name="outbox", daemon=True).start()

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
        with self._changed:
            while self._unacknowledged >= _FULL_RECORDS and not self._broken:
                self._changed.wait()
            self._unacknowledged += 1
        self._letters.put(_Letter(topic, partition, key, value, headers or [], acknowledged))

    def poll(self) -> None:
        """Call back for what the log has acknowledged."""
        while self._acks:
            acknowledged, offset = self._acks.popleft()
            acknowledged(offset)
        if self._broken:
            raise OutboxBroken(self._broken)

    def flush(self, timeout_s: float) -> bool:
        """Wait until everything is acknowledged."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._unacknowledged or bool(self._broken), timeout_s)

    def _run(self) -> None:
        while not self._broken:
            burst = [self._letters.get()]
            while not self._letters.empty():
                burst.append(self._letters.get())
            for letter in burst:
                self._produce(letter)
            while len(self._producer) and not self._broken:
                self._producer.poll(_ACK_WAIT_S)
            if len(burst) >= _MANY:
                time.sleep(self._gather_s)  # Many more are on their way: they share the next requests.
        with self._changed:
            self._changed.notify_all()

    def _produce(self, letter: _Letter) -> None:
        name = full_name(self._namespace, letter.topic)
        delivered = partial(self._delivered, name, letter.acknowledged)
        while True:
            try:
                self._producer.produce(
                    name,
                    letter.value,
                    letter.key,
                    letter.partition,
                    on_delivery=delivered,
                    headers=list(letter.headers),
                )
            except BufferError:
                self._producer.poll(_ACK_WAIT_S)
            except KafkaException as error:
                self._broken = f"{name} did not take a record: {error}"
                return
            else:
                return

    def _delivered(
        self, name: str, acknowledged: Acknowledged | None, error: KafkaError | None, message: Message
    ) -> None:
        if error is not None:
            self._broken = f"{name} refused a record: {error.str() or error.name()}"
            return
        self._availability.answered()
        if acknowledged is not None:
            self._acks.append((acknowledged, message.offset() or 0))
        with self._changed:
            self._unacknowledged -= 1
            self._changed.notify_all()

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
