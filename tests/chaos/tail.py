"""Reads topics while chaos goes on, and once more when it is over: plain consumers, none of the services' reading."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import cast

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, TopicPartition

from headrace.runtime.settings import Settings
from headrace.shard.ports import Record

_BATCH = 2_000
_END_S = 60.0


class Tail:
    """Every record of some topics from the first one on. Each partition comes in order, and no offset twice."""

    def __init__(self, settings: Settings, topics: Iterable[str], *, committed: bool = False) -> None:
        """`topics` are without the namespace; `committed` leaves out what transactions have not committed."""
        self._prefix = f"{settings.namespace}."
        self._consumer = Consumer(
            {
                "bootstrap.servers": settings.kafka,
                "group.id": "chaos-tail",
                "enable.auto.commit": False,
                # Commands that a checkpoint has passed may be deleted before they are looked at.
                "auto.offset.reset": "earliest",
                "isolation.level": "read_committed" if committed else "read_uncommitted",
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 50,
                "reconnect.backoff.max.ms": 500,
                "retry.backoff.ms": 50,
                "log_level": 0,
            }
        )
        metadata = self._consumer.list_topics(timeout=30)
        self._next = {
            (topic, number): 0 for topic in topics for number in metadata.topics[self._prefix + topic].partitions
        }
        self._ended: set[tuple[str, int]] = set()
        self._consumer.assign([TopicPartition(self._prefix + t, n, OFFSET_BEGINNING) for t, n in self._next])

    def poll(self, wait_s: float) -> list[Record]:
        """Return what has come in within some seconds; they must not be zero, or little of what is there is given."""
        found = []
        for message in self._consumer.consume(_BATCH, wait_s):
            error = message.error()
            where = (str(message.topic()).removeprefix(self._prefix), int(message.partition() or 0))
            if error is not None:
                if error.code() == KafkaError._PARTITION_EOF:
                    self._ended.add(where)
                continue  # Kafka is away for a moment: the consumer tries again by itself
            self._ended.discard(where)
            record = _record(*where, message)
            # After a failover a consumer may be sent back; what it has seen must not come again.
            if record.offset >= self._next[where]:
                self._next[where] = record.offset + 1
                found.append(record)
        return found

    def read_to_end(self) -> Iterator[Record]:
        """Yield everything up to the ends of this moment."""
        deadline = time.monotonic() + _END_S
        self._ended.clear()
        while len(self._ended) < len(self._next):
            yield from self.poll(0.1)
            left = sorted(self._next.keys() - self._ended)
            assert time.monotonic() < deadline, (
                f"Expected to read {left} to their ends within {_END_S} s, but could not"
            )

    def close(self) -> None:
        self._consumer.close()


def read_all(settings: Settings, topics: Iterable[str], *, committed: bool = False) -> list[Record]:
    """Return all that topics hold now."""
    tail = Tail(settings, topics, committed=committed)
    try:
        return list(tail.read_to_end())
    finally:
        tail.close()


def _record(topic: str, partition: int, message: Message) -> Record:
    key, value = _bytes(message.key()), _bytes(message.value())
    headers = [(name, _bytes(text)) for name, text in cast("list[tuple[str, bytes | None]]", message.headers() or [])]
    return Record(
        topic=topic,
        partition=partition,
        offset=int(message.offset() or 0),
        at=message.timestamp()[1],
        key=key,
        value=value,
        headers=headers,
    )


def _bytes(value: str | bytes | None) -> bytes:
    return value.encode() if isinstance(value, str) else value or b""
