"""The yardstick: how many records a second go through this client and this broker when nothing else is done.

Records of 200 bytes, encoded before the clock starts and never decoded, so that the yardstick is as long as it can be.
"""

from __future__ import annotations

import time

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from headrace.client.sending import new_id
from headrace.contracts.codec import Codec
from headrace.contracts.commands import CancelWorkflow
from headrace.runtime.settings import Settings
from headrace.shard.kafka.options import admin_options, reader_options, writer_options

RECORDS = 60_000
# The best round counts: one that something else slowed down is a shorter yardstick, beside which we would look better.
ROUNDS = 2
RECORD_BYTES = 200
_PARTITIONS = 4
# How far the producer may be ahead: enough for full batches both ways.
_AHEAD = 5_000
_TIMEOUT_S = 120.0


def raw_hops_per_second(settings: Settings, records: int = RECORDS) -> float:
    """Return how many records a second are produced and consumed, with acknowledgement by the broker's own settings.

    Raises:
        TimeoutError: the broker did not hand them all out in two minutes.
    """
    topic = f"bench.raw.{new_id()}"
    admin = AdminClient(admin_options(settings))
    admin.create_topics([NewTopic(topic, _PARTITIONS, settings.replication_factor)])[topic].result(timeout=30)
    producer = Producer(writer_options(settings, "bench-raw"))
    consumer = Consumer(reader_options(settings, "bench-raw"))
    try:
        consumer.assign([TopicPartition(topic, partition, 0) for partition in range(_PARTITIONS)])
        _pump(producer, consumer, topic, _PARTITIONS)  # connections and the first fetch are no part of it
        return max(_rate(producer, consumer, topic, records) for _ in range(ROUNDS))
    finally:
        consumer.close()
        producer.flush(10)
        admin.delete_topics([topic])[topic].result(timeout=30)


def _rate(producer: Producer, consumer: Consumer, topic: str, records: int) -> float:
    began = time.perf_counter()
    _pump(producer, consumer, topic, records)
    return records / (time.perf_counter() - began)


def _pump(producer: Producer, consumer: Consumer, topic: str, records: int) -> None:
    value = record_value()
    sent = got = 0
    deadline = time.monotonic() + _TIMEOUT_S
    while got < records:
        while sent < records and sent - got < _AHEAD:
            producer.produce(topic, value, partition=sent % _PARTITIONS)
            sent += 1
        producer.poll(0)
        got += sum(message.error() is None for message in consumer.consume(1000, 0.01))
        if time.monotonic() > deadline:
            raise TimeoutError(f"Expected {records} records back within {_TIMEOUT_S:g} s, but got {got}")


def record_value() -> bytes:
    """Return a framed Avro record of exactly 200 bytes."""
    codec = Codec()
    short = CancelWorkflow(command_id=new_id(), workflow_id="bench", issued_at=1)
    fill = RECORD_BYTES - len(codec.encode(short))
    while True:
        # The length of a text is itself written in one or two bytes.
        value = codec.encode(
            CancelWorkflow(command_id=short.command_id, workflow_id="bench", issued_at=1, reason="x" * fill)
        )
        if len(value) == RECORD_BYTES:
            return value
        fill -= len(value) - RECORD_BYTES
