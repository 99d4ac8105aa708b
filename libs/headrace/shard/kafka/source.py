"""`RecordSource` on Kafka: one consumer that is assigned its partitions."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

import confluent_kafka
from confluent_kafka import Consumer, KafkaError, KafkaException, Message

from headrace.contracts.topics import full_name
from headrace.runtime.settings import Settings
from headrace.shard.kafka.availability import Availability
from headrace.shard.kafka.error_codes import END_OF_PARTITION, OFFSET_GONE, TOPIC_UNKNOWN
from headrace.shard.kafka.options import reader_options
from headrace.shard.kafka.pace import Pace
from headrace.shard.ports import LogAway, LookUps, PositionLost, Record, TopicPartition

# The partition's topic or offset may be gone. Whether it is, is checked: a broker that starts may say so without
# reason.
_DOUBTFUL = OFFSET_GONE | TOPIC_UNKNOWN
# A consumer that is given a partition whose leader it does not know looks again after half a second, and where it has
# idled for a while, after nearly one: 0.5 to 0.8 s to the first record, measured. Told before, it takes 5 to 60 ms.
_INTRODUCTION_S = 1.0


class KafkaSource:
    """Reads several partitions; remembers for each which offset comes next."""

    def __init__(
        self,
        settings: Settings,
        name: str,
        look_ups: LookUps,
        availability: Availability,
        *,
        collect_ms: int = 0,
        committed: bool = False,
        rest_ms: int = 0,
    ) -> None:
        """Connect lazily. `look_ups` tells whether a doubtful position exists. With `collect_ms` the broker may hold
        records back for so long, and the pace is the reader's own; with `rest_ms` he looks only so often.
        """
        self._prefix = full_name(settings.namespace, "")
        self._look_ups = look_ups
        self._availability = availability
        self._next: dict[TopicPartition, int] = {}
        self._doubtful: dict[TopicPartition, str] = {}
        self._introduced: set[str] = set()
        self._pace = None if collect_ms else _pace(settings)
        options = reader_options(settings, name, collect_ms=collect_ms, committed=committed, rest_ms=rest_ms)
        self._consumer = Consumer({**options, "error_cb": availability.failed})

    def assign(self, starts: Mapping[TopicPartition, int]) -> None:
        """Read these partitions, too, each from this offset on; one that is being read moves there."""
        moved = [where for where in starts if where in self._next]
        if moved:
            # Taking a partition away and adding it again drops what was fetched from the old place.
            self._consumer.incremental_unassign([self._named(where) for where in moved])
        self._introduce({where.topic for where in starts})
        self._consumer.incremental_assign([self._named(where, offset) for where, offset in starts.items()])
        self._next.update(starts)
        for where in starts:
            self._doubtful.pop(where, None)

    def _introduce(self, topics: set[str]) -> None:
        """Let the consumer learn who leads topics that are new to it. Kafka away: it finds out by itself later."""
        for topic in sorted(topics - self._introduced):
            try:
                self._consumer.list_topics(self._prefix + topic, timeout=_INTRODUCTION_S)
            except KafkaException as error:
                self._availability.failed(error.args[0])
                return
            self._introduced.add(topic)

    def drop(self, partitions: Iterable[TopicPartition]) -> None:
        """Read these partitions no more."""
        known = [where for where in partitions if where in self._next]
        if known:
            self._consumer.incremental_unassign([self._named(where) for where in known])
        for where in known:
            del self._next[where]
            self._doubtful.pop(where, None)

    def assigned(self) -> Mapping[TopicPartition, int]:
        """Return the offset that is to be delivered next, by partition."""
        return self._next

    def poll(self, limit: int, wait_ms: int) -> list[Record]:
        """Return up to `limit` records; wait at most `wait_ms` for the first."""
        if self._doubtful:
            self._settle_doubts()
        messages: list[Message] = []
        if wait_ms > 0:
            rest = self._pace.rest_s(time.monotonic()) if self._pace else 0.0
            if rest > 0:
                time.sleep(min(rest, wait_ms / 1000))
            # `consume` with a time-out waits for the whole of it unless `limit` is reached; `poll` returns with the
            # first.
            first = self._consumer.poll(wait_ms / 1000)
            if first is not None:
                messages.append(first)
        messages += self._consumer.consume(limit - len(messages), 0) if limit > len(messages) else []
        records = [record for record in map(self._take, messages) if record is not None]
        if records:
            self._availability.answered()
            if self._pace:
                now, times = time.time(), [record.at for record in records]
                self._pace.took(now - min(times) / 1000, now - max(times) / 1000, time.monotonic())
        return records

    def heard(self, topic: str) -> None:
        """Everything is read at the same pace."""

    def close(self) -> None:
        """Disconnect."""
        self._consumer.close()
        self._next.clear()

    def _take(self, message: Message) -> Record | None:
        error = message.error()
        if error is not None:
            self._note(message, error)
            return None
        topic, partition, offset = message.topic(), message.partition(), message.offset()
        assert topic is not None
        assert partition is not None
        assert offset is not None
        where = TopicPartition(topic[len(self._prefix) :], partition)
        expected = self._next.get(where)
        if expected is None or offset < expected:
            return None  # fetched before the partition was dropped or moved
        self._next[where] = offset + 1
        return Record(
            topic=where.topic,
            partition=partition,
            offset=offset,
            at=message.timestamp()[1],
            key=message.key() or b"",
            value=message.value() or b"",
            headers=message.headers() or [],  # type: ignore[arg-type]
        )

    def _note(self, message: Message, error: KafkaError) -> None:
        topic, partition = message.topic(), message.partition()
        if topic is None or partition is None or partition < 0:
            self._note_topic(topic, error)
            return
        where = TopicPartition(topic[len(self._prefix) :], partition)
        if error.code() == END_OF_PARTITION:
            offset = message.offset()
            if where in self._next and offset is not None:
                self._next[where] = max(self._next[where], offset)
        elif error.code() in _DOUBTFUL and where in self._next:
            self._doubtful[where] = error.str()
        else:
            self._availability.failed(error)

    def _note_topic(self, topic: str | None, error: KafkaError) -> None:
        """An error of a whole topic, or of the client."""
        if topic is None or error.code() not in _DOUBTFUL:
            self._availability.failed(error)
            return
        for where in self._next:
            if where.topic == topic[len(self._prefix) :]:
                self._doubtful[where] = error.str()

    def _settle_doubts(self) -> None:
        """Ask the broker whether the position exists; if it does, go on there.

        Raises:
            PositionLost: it does not.
        """
        try:
            bounds = self._look_ups.bounds(self._doubtful)
        except LogAway:
            return  # Nothing is known yet.
        for where, (low, end) in bounds.items():
            needed = self._next[where]
            if not low <= needed <= end:
                raise PositionLost(
                    f"Expected offset {needed} of {where} to exist, but it holds {low} to {end - 1}: the topic was "
                    "shortened or made "
                    "anew under its reader. Restore it, or give the namespace up and make a new one (another "
                    "HEADRACE_NAMESPACE)"
                )
        self.assign({where: self._next[where] for where in bounds})

    def _named(
        self, where: TopicPartition, offset: int = confluent_kafka.OFFSET_INVALID
    ) -> confluent_kafka.TopicPartition:
        return confluent_kafka.TopicPartition(self._prefix + where.topic, where.partition, offset)


def _pace(settings: Settings) -> Pace:
    return Pace(gather_s=settings.gather_ms / 1000, late_s=settings.gather_late_ms / 1000)
