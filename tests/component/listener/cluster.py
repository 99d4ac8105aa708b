"""What tests of the listener service do to a real Kafka: write journals as shards do, and read topics to their end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka import Message as KafkaMessage

from headrace.contracts.codec import Codec
from headrace.contracts.headers import Headers, journal_headers
from headrace.contracts.journal import EpochStarted, JournalRecord
from headrace.contracts.message import Message
from headrace.contracts.topics import full_name
from headrace.runtime.listener_settings import ListenerSettings
from headrace.runtime.settings import Settings
from headrace_listener.wiring import run

CODEC = Codec()
# Short pauses: tests wait for what follows.
LIMITS = ListenerSettings(
    transaction_pause_ms=5, commit_pause_ms=5, state_pause_ms=50, poll_while_busy_ms=50, retry_pause_ms=100
)
T = TypeVar("T")


def eventually(found: Callable[[], T], what: str, timeout_s: float = 60) -> T:
    """Return what `found` returns as soon as it is true."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        value = found()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"Expected {what} within {timeout_s:.0f} s, but it did not come")


class Journal:
    """One partition of a journal, written as its shard would."""

    def __init__(self, settings: Settings, topic: str, partition: int = 0) -> None:
        self._topic = full_name(settings.namespace, topic)
        self._partition = partition
        self._producer = Producer({"bootstrap.servers": settings.kafka, "acks": "all", "enable.idempotence": True})
        self._n = 0
        self._epoch = self._send(CODEC.encode(EpochStarted(code_version=1, process="t", at=0)), journal_headers(-1, 0))

    def write(self, *events: Message) -> None:
        """Append one record; `flush` waits for it."""
        self._n += 1
        record = JournalRecord(epoch=self._epoch, n=self._n, at=0, positions=[], events=list(events))
        headers = journal_headers(self._epoch, self._n)
        self._producer.produce(self._topic, CODEC.encode(record), partition=self._partition, headers=headers)

    def flush(self) -> None:
        """Wait until Kafka has everything."""
        assert self._producer.flush(30) == 0

    def _send(self, value: bytes, headers: Headers) -> int:
        offsets: list[int] = []

        def delivered(error: KafkaError | None, message: KafkaMessage) -> None:
            assert error is None, error
            offsets.append(message.offset())

        self._producer.produce(self._topic, value, partition=self._partition, headers=headers, on_delivery=delivered)
        self.flush()
        return offsets[0]


def produce(settings: Settings, topic: str, *records: tuple[bytes, bytes]) -> None:
    """Write plain records (key, value) to a topic by its full name."""
    producer = Producer({"bootstrap.servers": settings.kafka, "acks": "all"})
    for key, value in records:
        producer.produce(topic, value, key)
    assert producer.flush(30) == 0


def read(settings: Settings, topic: str, *, committed: bool = True) -> list[KafkaMessage]:
    """Return every record of a topic of the namespace, partition by partition, as a read-committed consumer sees it."""
    consumer = Consumer(
        {
            "bootstrap.servers": settings.kafka,
            "group.id": "test-reader",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "isolation.level": "read_committed" if committed else "read_uncommitted",
        }
    )
    name = full_name(settings.namespace, topic)
    try:
        count = len(consumer.list_topics(name, timeout=30).topics[name].partitions)
        consumer.assign([TopicPartition(name, number, 0) for number in range(count)])
        records, ended = [], set()
        while len(ended) < count:
            message = consumer.poll(30)
            assert message is not None, f"Expected the end of {name}, but nothing came"
            error = message.error()
            if error is None:
                records.append(message)
            else:
                assert error.code() == KafkaError._PARTITION_EOF, error
                ended.add(message.partition())
        return sorted(records, key=lambda record: (record.partition(), record.offset()))
    finally:
        consumer.close()


def headers_of(message: KafkaMessage) -> dict[str, str]:
    """Return a record's headers as text."""
    return {name: value.decode() for name, value in message.headers() or []}


def app(folder: Path, name: str, code: str) -> str:
    """Write an app's module and return its file; its `calls` list is `sys.modules[name].calls`."""
    file = folder / f"{name}.py"
    file.write_text("from headrace import *\ncalls = []\n" + code)
    return str(file)


@contextmanager
def running(settings: Settings, *apps: str) -> Iterator[threading.Event]:
    """Run the service in a thread until the block ends; it is ready when the block begins."""
    stop, ready = threading.Event(), threading.Event()
    errors: list[BaseException] = []

    def serve() -> None:
        try:
            run(settings, apps, ready.set, stop, LIMITS)
        except BaseException as error:
            errors.append(error)
            raise

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        eventually(lambda: ready.is_set() or errors, "a ready service")
        assert not errors, errors
        yield stop
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive()
        assert not errors, errors
