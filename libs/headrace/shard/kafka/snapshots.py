"""`SnapshotWriter` on Kafka: a transactional producer, driven by a thread, since its calls wait for the broker.

The transactional id is the shard's own, the same in every process: `init_transactions` makes the broker refuse whoever
had it before, and ends what they had begun. That is the whole fence; nothing here has to be remembered.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from headrace.contracts.topics import full_name
from headrace.runtime.settings import Settings
from headrace.shard.kafka.availability import Availability
from headrace.shard.kafka.options import snapshot_options
from headrace.shard.ports import TopicPartition, Writing

_log = logging.getLogger("headrace.shard")
# A call that waits for the broker is repeated: whoever gave up meanwhile is noticed so soon.
_PATIENCE_S = 2.0
# Deliveries are taken in between, so that librdkafka's queue never fills with what nobody asks about.
_SERVE_EVERY = 1_000


class KafkaSnapshotWriter:
    """Writes snapshots into one partition."""

    def __init__(self, settings: Settings, partition: TopicPartition, name: str, availability: Availability) -> None:
        """Connect with the fence."""
        self._topic = full_name(settings.namespace, partition.topic)
        self._partition = partition.partition
        self._availability = availability
        self._given_up = threading.Event()
        self._state = Writing.DONE
        self._undelivered: KafkaError | None = None
        transactional_id = f"{self._topic}.{self._partition}"
        options = snapshot_options(settings, name, transactional_id)
        self._producer = Producer({**options, "error_cb": availability.failed})

    def fence(self) -> None:
        """Begin to shut out whoever has the shard's transactional id."""
        self._begin(self._fence)

    def write(self, records: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Begin one transaction."""
        self._begin(lambda: self._write(records))

    def poll(self) -> Writing:
        """Tell what has become of the last order."""
        return self._state

    def close(self) -> None:
        """Give up. The thread ends by itself, and what it had begun ends with the next fence."""
        self._given_up.set()

    def _begin(self, order: Callable[[], None]) -> None:
        assert self._state is Writing.DONE, f"one order at a time, but the last is {self._state.value}"
        self._state = Writing.UNDER_WAY

        def run() -> None:
            try:
                order()
            except (KafkaException, BufferError) as error:
                if not self._given_up.is_set():
                    _log.warning("snapshot writer of %s[%d]: %s", self._topic, self._partition, error)
                self._state = Writing.FAILED
            except Exception:  # noqa: BLE001  whatever it is, the order must not stay under way for ever
                # A mistake in what is to be written: said here, and the reign that made it is abandoned.
                _log.exception("snapshot writer of %s[%d]", self._topic, self._partition)
                self._state = Writing.FAILED
            else:
                self._state = Writing.DONE

        threading.Thread(target=run, name=f"snapshots-{self._partition}", daemon=True).start()

    def _fence(self) -> None:
        self._patiently(lambda: self._producer.init_transactions(_PATIENCE_S))
        self._availability.answered()

    def _write(self, records: Iterable[tuple[bytes, bytes | None]]) -> None:
        self._producer.begin_transaction()
        for number, (key, value) in enumerate(records, 1):
            self._produce(key, value)
            if number % _SERVE_EVERY == 0:
                self._producer.poll(0)
        # Waits for every delivery first, and fails if one of them did.
        self._patiently(lambda: self._producer.commit_transaction(_PATIENCE_S))
        if self._undelivered is not None:
            raise KafkaException(self._undelivered)

    def _produce(self, key: bytes, value: bytes | None) -> None:
        while True:
            try:
                self._producer.produce(
                    self._topic, key=key, value=value, partition=self._partition, on_delivery=self._delivered
                )
            except BufferError:
                # The queue is full: a large snapshot goes out as fast as the broker takes it.
                if self._given_up.is_set():
                    raise
                self._producer.poll(0.1)
            else:
                return

    def _patiently(self, call: Callable[[], object]) -> None:
        """Repeat a call while the broker does not answer: until it does, or nobody wants it any more."""
        while True:
            try:
                call()
            except KafkaException as error:
                reason: KafkaError = error.args[0]
                if not reason.retriable() or self._given_up.is_set():
                    raise
            else:
                return

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self._undelivered = error
