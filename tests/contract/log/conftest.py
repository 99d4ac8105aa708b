"""The same log port twice: in memory and on a real Kafka."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from confluent_kafka.cimpl import TopicPartition as KafkaPartition

from headrace.contracts.headers import Headers
from headrace.runtime.settings import Settings
from headrace.shard.clock import SystemClock
from headrace.shard.kafka import KafkaLog
from headrace.shard.memory import MemoryLog
from headrace.shard.ports import Ack, JournalWriter, Log, Record, RecordSource, SnapshotWriter, TopicPartition, Writing

TOPIC, OTHER, SNAPSHOTS = "workflow.journal", "workflow.commands", "workflow.snapshots"
PARTITIONS = 2
TIMEOUT_S = 30


class World(Protocol):
    """What a test does to a log from outside."""

    log: Log

    def shorten(self, partition: TopicPartition, low: int) -> None:
        """Delete the records below an offset."""

    def make_anew(self, topic: str) -> None:
        """Delete a topic and make one of the same name."""

    def append(self, partition: TopicPartition, value: bytes, key: bytes = b"", headers: Headers | None = None) -> None:
        """Append as any client would."""

    def leave_open(self, partition: TopicPartition, key: bytes, value: bytes) -> None:
        """Write within a transaction of the partition's snapshot writer, which then ends without committing."""


class MemoryWorld:
    """A log in memory."""

    def __init__(self) -> None:
        self.memory = MemoryLog(SystemClock(), {TOPIC: PARTITIONS, OTHER: PARTITIONS})
        self.log: Log = self.memory

    def shorten(self, partition: TopicPartition, low: int) -> None:
        self.memory.shorten(partition, low)

    def make_anew(self, topic: str) -> None:
        self.memory.create(topic, PARTITIONS)

    def append(self, partition: TopicPartition, value: bytes, key: bytes = b"", headers: Headers | None = None) -> None:
        self.memory.append(*partition, value, key=key, headers=headers)

    def leave_open(self, partition: TopicPartition, key: bytes, value: bytes) -> None:
        self.memory.snapshot_writes_per_poll = 1
        writer = self.memory.snapshot_writer(partition, "ends")
        writer.fence()
        until(lambda: writer.poll() is Writing.DONE)
        writer.write([(key, value)])
        writer.poll()
        writer.close()


class KafkaWorld:
    """A log on Kafka, with topics of its own."""

    def __init__(self, settings: Settings, topics: tuple[str, ...] = (TOPIC, OTHER, SNAPSHOTS)) -> None:
        self._settings = settings
        self._admin = AdminClient({"bootstrap.servers": settings.kafka})
        self._producer = Producer({"bootstrap.servers": settings.kafka, "linger.ms": 0})
        for topic in topics:
            self._create(topic)
        self.log: Log = KafkaLog(settings)

    def _name(self, topic: str) -> str:
        return f"{self._settings.namespace}.{topic}"

    def _create(self, topic: str) -> None:
        new = NewTopic(self._name(topic), PARTITIONS, 1, config={"message.timestamp.type": "LogAppendTime"})
        for future in self._admin.create_topics([new]).values():
            future.result(TIMEOUT_S)
        until(lambda: self._is_led(topic))

    def _is_led(self, topic: str) -> bool:
        partitions = self._admin.list_topics(self._name(topic), timeout=TIMEOUT_S).topics[self._name(topic)].partitions
        return len(partitions) == PARTITIONS and all(partition.leader >= 0 for partition in partitions.values())

    def shorten(self, partition: TopicPartition, low: int) -> None:
        where = KafkaPartition(self._name(partition.topic), partition.partition, low)
        for future in self._admin.delete_records([where]).values():
            future.result(TIMEOUT_S)

    def make_anew(self, topic: str) -> None:
        for future in self._admin.delete_topics([self._name(topic)], operation_timeout=TIMEOUT_S).values():
            future.result(TIMEOUT_S)
        until(lambda: self._name(topic) not in self._admin.list_topics(timeout=TIMEOUT_S).topics)
        self._create(topic)

    def append(self, partition: TopicPartition, value: bytes, key: bytes = b"", headers: Headers | None = None) -> None:
        self._producer.produce(
            self._name(partition.topic),
            value=value,
            key=key,
            partition=partition.partition,
            headers=list(headers or []),
        )
        assert self._producer.flush(TIMEOUT_S) == 0

    def leave_open(self, partition: TopicPartition, key: bytes, value: bytes) -> None:
        name = self._name(partition.topic)
        options = {"bootstrap.servers": self._settings.kafka, "transactional.id": f"{name}.{partition.partition}"}
        producer = Producer(options)
        producer.init_transactions(TIMEOUT_S)
        producer.begin_transaction()
        producer.produce(name, key=key, value=value, partition=partition.partition)
        assert producer.flush(TIMEOUT_S) == 0


@pytest.fixture(params=["memory", "kafka"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """A log with topics of two partitions."""
    made: World = MemoryWorld() if request.param == "memory" else KafkaWorld(request.getfixturevalue("settings"))
    yield made
    made.log.close()


@pytest.fixture
def start(settings: Settings, tmp_path: Path) -> Iterator[Callable[..., object]]:
    """Start bank processes by name; see `bank_process.Start`."""
    from tests.contract.log.bank_process import Process  # which imports this module

    processes: list[Process] = []

    def begin(name: str, **environment: str) -> Process:
        processes.append(Process(settings, tmp_path, name, **environment))
        return processes[-1]

    yield begin
    for process in processes:
        if process.process.poll() is None:
            process.end(signal.SIGKILL)


def until(done: Callable[[], bool]) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + TIMEOUT_S
    while not done():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.01)


def read(source: RecordSource, count: int) -> list[Record]:
    """Read so many records."""
    found: list[Record] = []

    def enough() -> bool:
        found.extend(source.poll(100, 50))
        return len(found) >= count

    until(enough)
    return found


def acks(writer: JournalWriter, count: int) -> list[Ack]:
    """Wait for so many acknowledgements."""
    found: list[Ack] = []

    def enough() -> bool:
        found.extend(writer.poll(50))
        return len(found) >= count

    until(enough)
    return found


def done(writer: SnapshotWriter) -> Writing:
    """Wait for the end of an order."""
    until(lambda: writer.poll() is not Writing.UNDER_WAY)
    return writer.poll()
