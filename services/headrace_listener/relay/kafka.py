"""The relay's output on Kafka: a transactional producer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NoReturn

import confluent_kafka
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Producer

from headrace.contracts import topics
from headrace.contracts.codec import Codec
from headrace.contracts.headers import traceparent
from headrace.contracts.topics import full_name
from headrace.runtime import telemetry
from headrace.runtime.listener_settings import ListenerSettings
from headrace.runtime.settings import Settings
from headrace.shard.kafka.availability import Availability
from headrace.shard.kafka.options import look_up_options
from headrace.shard.ports import TopicPartition
from headrace.shard.reader_rule import Position
from headrace_listener.kafka_options import transaction_options
from headrace_listener.outgoing import Outgoing
from headrace_listener.relay.ports import Fenced, Stored, TransactionFailed
from headrace_listener.relay.positions import position_record, stored_in

# The steps of a transaction take milliseconds. A broker that does not answer for this long is away: the relay begins
# anew.
_STEP_S = 10.0
_POSITIONS_S = 10.0
_FENCED = {KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH}  # noqa: SLF001


class KafkaOutput:
    """Writes in transactions. Making one ends the transactions of every older relay, whatever process it runs in."""

    def __init__(
        self,
        settings: Settings,
        availability: Availability,
        codec: Codec,
        limits: ListenerSettings,
    ) -> None:
        """Fence. Raises `TransactionFailed` when nobody answers."""
        self._settings = settings
        self._availability = availability
        self._codec = codec
        self._topics: dict[str, str] = {}
        self._producer = Producer({**transaction_options(settings, limits), "error_cb": availability.failed})
        self._try(lambda: self._producer.init_transactions(_STEP_S))

    def stored(self) -> Stored:
        """Return what is committed."""
        return stored_in(self._codec, self._read_stored())

    def write(self, records: Sequence[Outgoing], positions: Mapping[TopicPartition, Position]) -> None:
        """Write records and positions in one transaction."""
        began_ms = _now_ms()
        try:
            self._producer.begin_transaction()
            for record in records:
                self._produce(record)
            for where, position in positions.items():
                self._produce(position_record(self._codec, where, position))
            self._try(lambda: self._producer.commit_transaction(_STEP_S))
        except (KafkaException, BufferError) as error:
            self._failed(error)
        self._availability.answered()
        if telemetry.tracing():
            _record_spans(records, began_ms)

    def close(self) -> None:
        """Give up what is under way; the broker aborts it when the next relay begins, or by time."""
        self._abort()

    def _produce(self, record: Outgoing) -> None:
        topic = self._topics.get(record.topic)
        if topic is None:
            topic = self._topics[record.topic] = full_name(self._settings.namespace, record.topic)
        deadline = 0.0
        while True:
            try:
                self._producer.produce(topic, record.value, record.key, headers=record.headers)  # type: ignore[arg-type]
                return
            except BufferError:
                deadline = deadline or time.monotonic() + _STEP_S
                if time.monotonic() > deadline:
                    raise
                self._producer.poll(0.05)

    def _try(self, step: Callable[[], object]) -> None:
        """Do a step of a transaction, again where librdkafka says that this is all it takes."""
        deadline = time.monotonic() + _STEP_S
        while True:
            try:
                step()
                return
            except KafkaException as error:
                reason: KafkaError = error.args[0]
                if not reason.retriable() or time.monotonic() > deadline:
                    self._failed(error)

    def _failed(self, error: Exception) -> NoReturn:
        reason = error.args[0] if isinstance(error, KafkaException) else None
        if isinstance(reason, KafkaError):
            if reason.code() in _FENCED:
                raise Fenced("another relay has begun") from error
            self._availability.failed(reason)
        raise TransactionFailed(str(reason.str() if isinstance(reason, KafkaError) else error)) from error

    def _abort(self) -> None:
        try:
            self._producer.abort_transaction(1.0)
        except KafkaException:
            return  # There is none, or nobody answers: the next `init_transactions` ends it.

    def _read_stored(self) -> Iterator[tuple[bytes, bytes | None]]:
        """Yield the positions topic's records up to what is committed now: fencing has ended all older transactions."""
        options = look_up_options(self._settings, f"{self._settings.namespace}-relay-positions")
        consumer = Consumer({**options, "isolation.level": "read_committed", "queued.min.messages": 1_000})
        topic = full_name(self._settings.namespace, topics.LISTENER_POSITIONS)
        deadline = time.monotonic() + _POSITIONS_S
        try:
            consumer.assign([confluent_kafka.TopicPartition(topic, 0, OFFSET_BEGINNING)])
            while time.monotonic() < deadline:
                message = consumer.poll(0.5)
                if message is None:
                    continue
                error = message.error()
                if error is None:
                    key, value = message.key(), message.value()
                    if isinstance(key, bytes):
                        yield key, value if isinstance(value, bytes) else None
                elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
                    return
                else:
                    self._availability.failed(error)
            raise TransactionFailed(f"Expected the relay's positions within {_POSITIONS_S:.0f} s, but Kafka gave none")
        finally:
            consumer.close()


def _record_spans(records: Sequence[Outgoing], began_ms: int) -> None:
    """One span for every relayed event that belongs to a trace."""
    for record in records:
        trace = traceparent(record.headers)
        if trace:
            name = next((value.decode() for header, value in record.headers if header == "ce_type"), record.topic)
            attributes = {"headrace.topic": record.topic, "headrace.key": record.key.decode("utf-8", "replace")}
            telemetry.record_span(
                f"relay {name}", trace, attributes, start_ms=began_ms, end_ms=_now_ms(), kind="producer"
            )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
