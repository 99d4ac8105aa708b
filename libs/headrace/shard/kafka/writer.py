"""`JournalWriter` on Kafka: one idempotent producer per shard."""

from __future__ import annotations

import time
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from headrace.contracts.headers import Headers
from headrace.contracts.topics import full_name
from headrace.runtime.settings import Settings
from headrace.shard.kafka.availability import Availability
from headrace.shard.kafka.options import writer_options
from headrace.shard.ports import Ack, TopicPartition

# A new producer asks for its id by itself, which takes milliseconds. A record that is handed in before it has asked
# makes librdkafka wait for half a second until it asks again: 0.5 s instead of 0.05 for the first append, measured with
# up to 2 ms between the two.
_INTRODUCED_S = 0.02


class KafkaWriter:
    """Appends to one partition.

    Deliveries are noted in the callback and handed out by `poll`: nothing is produced in a callback.
    """

    def __init__(self, settings: Settings, partition: TopicPartition, name: str, availability: Availability) -> None:
        """Connect at once, so that the first append finds a producer that has its id."""
        self._topic = full_name(settings.namespace, partition.topic)
        self._partition = partition.partition
        self._availability = availability
        self._acks: list[Ack] = []
        self._producer = Producer({**writer_options(settings, name), "error_cb": self._failed})
        self._introduced_at: float | None = time.monotonic() + _INTRODUCED_S

    def append(self, token: int, value: bytes, headers: Headers) -> None:
        """Begin an append; the first one waits for milliseconds where the writer is newer than that."""
        if self._introduced_at is not None:
            time.sleep(max(self._introduced_at - time.monotonic(), 0.0))
            self._introduced_at = None
        try:
            self._producer.produce(
                self._topic,
                value=value,
                partition=self._partition,
                headers=list(headers),
                on_delivery=partial(self._delivered, token),
            )
        except (BufferError, KafkaException) as error:
            # A fatal error of the idempotent producer, or a record over its limit: rule 6 says what follows.
            self._acks.append(Ack(token=token, error=str(error)))

    def poll(self, wait_ms: int) -> list[Ack]:
        """Return what has become known since the last call; wait at most `wait_ms` for the first."""
        self._producer.poll(0 if self._acks else wait_ms / 1000)
        if not self._acks:
            return self._acks
        acks, self._acks = self._acks, []
        return acks

    def close(self) -> None:
        """Give up what is in flight, without waiting for it."""
        self._producer.purge()
        self._producer.poll(0)

    def _delivered(self, token: int, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._acks.append(Ack(token=token, error=error.str() or error.name()))
            return
        self._availability.answered()
        offset = message.offset()
        _, at = message.timestamp()
        self._acks.append(Ack(token=token, offset=-1 if offset is None or offset < 0 else offset, at=at or -1))

    def _failed(self, error: KafkaError) -> None:
        self._availability.failed(error)
