"""Sends what the service has to say besides the relay: dead letters, start commands, states. At least once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from confluent_kafka import KafkaError, Message, Producer

from headrace.contracts.partition import shard_of
from headrace.contracts.topics import full_name
from headrace.runtime.settings import Settings
from headrace.shard.kafka.availability import Availability
from headrace_listener.kafka_options import producer_options
from headrace_listener.outgoing import Outgoing

_POLL_S = 0.1


class NotDelivered(Exception):
    """Kafka refused a record for good, which waiting cannot help."""


class Outbox:
    """One idempotent producer, shared by all threads of the service. Kafka away means waiting."""

    def __init__(self, settings: Settings, partitions: Callable[[str], int], availability: Availability) -> None:
        """`partitions` tells how many partitions a topic has, by its name without the namespace."""
        self._settings = settings
        self._partitions = partitions
        self._producer = Producer(
            {**producer_options(settings, f"{settings.namespace}.listener"), "error_cb": availability.failed}
        )

    def send(self, record: Outgoing, done: Callable[[KafkaError | None, Message], None] | None = None) -> None:
        """Hand a record to the producer; nobody waits. `done` is called with the outcome, from some later call."""
        partition = shard_of(record.key.decode("utf-8", "replace"), self._partitions(record.topic))
        topic = full_name(self._settings.namespace, record.topic)
        while True:
            try:
                self._producer.produce(
                    topic, record.value, record.key, partition, headers=list(record.headers), on_delivery=done
                )
                break
            except BufferError:
                self._producer.poll(_POLL_S)
        self._producer.poll(0)

    def deliver(self, records: Sequence[Outgoing], stop: threading.Event) -> bool:
        """Send records and wait until Kafka has them all; False when `stop` was set before.

        Raises:
            NotDelivered: Kafka refused one.
        """
        outcomes: list[KafkaError | None] = []
        for record in records:
            self.send(record, lambda error, _message: outcomes.append(error))
        while len(outcomes) < len(records):
            if stop.is_set() and self._producer.flush(_POLL_S) > 0:
                return False
            self._producer.poll(_POLL_S)
        for error in outcomes:
            if error is not None:
                raise NotDelivered(f"Expected Kafka to take a record, but {error.str()}")
        return True

    def close(self, wait_s: float) -> None:
        """Wait a moment for what is under way."""
        self._producer.flush(wait_s)
