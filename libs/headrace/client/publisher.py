"""Sends records and waits for what the broker says about them, in bounded time."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Future
from typing import NamedTuple

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from headrace.client.errors import InvalidStart, NotReachable
from headrace.contracts.headers import Headers
from headrace.contracts.topics import full_name
from headrace.runtime.settings import Settings

# A broker answers in milliseconds, and an election takes a few seconds: after ten somebody has to look.
TIMEOUT_S = 10.0
_POLL_S = 0.1
logging.getLogger("headrace").addHandler(logging.NullHandler())


class Position(NamedTuple):
    """Where a record stands in its topic."""

    partition: int
    offset: int

    def __str__(self) -> str:
        """Return it as the read API takes it in `?after=`."""
        return f"{self.partition}:{self.offset}"


class Publisher:
    """An idempotent producer for commands and definitions. Safe to share between threads."""

    def __init__(self, settings: Settings, *, timeout_s: float = TIMEOUT_S) -> None:
        self._settings = settings
        self._timeout_s = timeout_s
        self._last_error = ""
        config = settings.client_config(
            acks="all",
            enable_idempotence=True,
            linger_ms=0,
            message_timeout_ms=int(timeout_s * 1000),
            message_max_bytes=settings.record_limit_bytes,
        )
        try:
            self._producer = Producer(
                {**config, "error_cb": self._on_error}, logger=logging.getLogger("headrace.client.kafka")
            )
        except (KafkaException, ValueError, TypeError) as error:
            raise NotReachable(
                f"Expected options that librdkafka takes, but {_text(error)}; check HEADRACE_KAFKA "
                "and HEADRACE_KAFKA_CONFIG_*"
            ) from error
        self._partitions: dict[str, int] = {}
        self._poller: threading.Thread | None = None
        self._closed = threading.Event()

    def partitions(self, topic: str) -> int:
        """Return how many partitions a topic has; `topic` is without the namespace.

        Raises:
            NotReachable: Kafka does not answer, or there is no such topic.
        """
        known = self._partitions.get(topic)
        if known is not None:
            return known
        name = full_name(self._settings.namespace, topic)
        try:
            found = self._producer.list_topics(name, timeout=self._timeout_s).topics[name]
        except KafkaException as error:
            raise self._unreachable(_text(error)) from error
        if found.error is not None or not found.partitions:
            raise NotReachable(
                f"Expected topic {name} on Kafka at {self._settings.kafka}, but it is not there ({found.error}); start "
                "the services, which make the topics, or set HEADRACE_NAMESPACE"
            )
        count = self._partitions[topic] = len(found.partitions)
        return count

    def send(
        self, topic: str, partition: int, key: str, value: bytes | None, headers: Headers | None = None
    ) -> Future[Position]:
        """Hand a record to the producer; the future tells where it stands, or fails with `NotReachable`."""
        future: Future[Position] = Future()

        def delivered(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                future.set_exception(self._refused(error))
            else:
                future.set_result(Position(message.partition() or 0, message.offset() or 0))

        deadline = time.monotonic() + self._timeout_s
        name = full_name(self._settings.namespace, topic)
        while True:
            try:
                self._producer.produce(name, value, key, partition, on_delivery=delivered, headers=[*(headers or ())])
            except BufferError:
                if time.monotonic() > deadline:
                    raise self._unreachable("the queue of records to send is full") from None
                self._producer.poll(_POLL_S)
            except KafkaException as error:
                raise self._refused(error.args[0]) from error
            else:
                return future

    def publish(
        self, topic: str, partition: int, key: str, value: bytes | None, headers: Headers | None = None
    ) -> Position:
        """Send a record and return where it stands, once all in-sync replicas have it.

        Raises:
            NotReachable: Kafka did not take it in time. It may still have got it: the same command id makes a second
            try harmless.
        """
        return self.wait(self.send(topic, partition, key, value, headers))

    def wait(self, future: Future[Position]) -> Position:
        """Return what a future of `send` ends with."""
        # The producer's own message.timeout.ms ends each record; the rest is for its callback to come through.
        deadline = time.monotonic() + self._timeout_s + 5
        while not future.done() and time.monotonic() < deadline:
            self._producer.poll(_POLL_S)
        if not future.done():
            raise self._unreachable("it did not say what became of the record")
        return future.result()

    def start_polling(self) -> None:
        """Call back from a thread of our own, for callers that must not block."""
        if self._poller is None:
            self._poller = threading.Thread(target=self._poll, name="headrace-publisher", daemon=True)
            self._poller.start()

    def close(self) -> None:
        """Send what waits, in bounded time, and stop."""
        self._closed.set()
        if self._poller is not None:
            self._poller.join()
            self._poller = None
        self._producer.flush(self._timeout_s)

    def _poll(self) -> None:
        while not self._closed.is_set():
            self._producer.poll(_POLL_S)

    def _on_error(self, error: KafkaError) -> None:
        if error.name() != "_ALL_BROKERS_DOWN":  # which says less than the error before it
            self._last_error = error.str()

    def _refused(self, error: KafkaError) -> Exception:
        if error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
            return InvalidStart(f"Expected a record that Kafka takes, but it is too large: {error.str()}")
        return self._unreachable(error.str())

    def _unreachable(self, reason: str) -> NotReachable:
        self._producer.poll(0)  # so that the connections' own errors come through, which say more
        what = self._last_error or reason
        return NotReachable(
            f"Expected Kafka at {self._settings.kafka} to answer within {self._timeout_s:g} s, but {what}; check that "
            "it runs, or set HEADRACE_KAFKA"
        )


def _text(error: Exception) -> str:
    first = error.args[0] if error.args else error
    return first.str() if isinstance(first, KafkaError) else str(first)
