"""`Log` on Kafka: look-ups, and sources and writers that share what is known about the cluster."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import Future
from typing import Any

import confluent_kafka
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from headrace.contracts.topics import full_name
from headrace.runtime.settings import Settings
from headrace.shard.interest import Interest
from headrace.shard.kafka.availability import Availability
from headrace.shard.kafka.error_codes import END_OF_PARTITION, OFFSET_GONE, TOPIC_UNKNOWN
from headrace.shard.kafka.options import admin_options, look_up_options
from headrace.shard.kafka.snapshots import KafkaSnapshotWriter
from headrace.shard.kafka.source import KafkaSource
from headrace.shard.kafka.two_paces import TwoPaces
from headrace.shard.kafka.writer import KafkaWriter
from headrace.shard.ports import Bounds, LogAway, PositionLost, Record, TopicPartition

_log = logging.getLogger("headrace.shard")
# A look-up takes milliseconds. Two seconds without an answer are an outage; longer would stall the other shards of the
# process.
_TIMEOUT_S = 2.0
# A broker that has just started may not know its topics yet. One that still does not after this time never will.
_UNKNOWN_S = 10.0
_EARLIEST, _LATEST = OffsetSpec.earliest(), OffsetSpec.latest()  # type: ignore[no-untyped-call]


class KafkaLog:
    """The topics of a namespace on a cluster."""

    def __init__(self, settings: Settings, *, collect_ms: int = 0) -> None:
        """Connect lazily. With `collect_ms`, sources let the broker hold records back for so long."""
        self._collect_ms = collect_ms
        self.availability = Availability(settings.kafka)
        self._settings = settings
        options: dict[str, Any] = {**admin_options(settings), "error_cb": self.availability.failed}
        self._admin = AdminClient(options)
        self._look_up: Consumer | None = None
        self._partition_counts: dict[str, int] = {}
        self._unknown_since: float | None = None

    @property
    def away(self) -> bool:
        """Tell whether no broker answered last, as far as the clients have noticed."""
        return self.availability.away

    def bounds(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, Bounds]:
        """Return the bounds of partitions, in two requests to each of their leaders."""
        wanted = list(partitions)
        lows = self._offsets(wanted, _EARLIEST)
        ends = self._offsets(wanted, _LATEST)
        return {where: Bounds(lows[where], ends[where]) for where in wanted}

    def record_at(self, partition: TopicPartition, offset: int) -> Record | None:
        """Return the first record at or after an offset; None when there is none."""
        if self._look_up is None:
            options = look_up_options(self._settings, f"{self._settings.namespace}-look-up")
            self._look_up = Consumer({**options, "error_cb": self.availability.failed})
        topic = full_name(self._settings.namespace, partition.topic)
        self._look_up.assign([confluent_kafka.TopicPartition(topic, partition.partition, offset)])
        try:
            return self._first(self._look_up, partition)
        finally:
            self._look_up.unassign()

    def topic_ids(self, topics: Iterable[str]) -> dict[str, str]:
        """Return the ids of the topics that exist."""
        names = {full_name(self._settings.namespace, topic): topic for topic in topics}
        described = self._admin.describe_topics(TopicCollection(list(names)), request_timeout=_TIMEOUT_S)
        found = {}
        for name, future in described.items():
            try:
                found[names[name]] = str(self._result(future).topic_id)
            except _Unknown:
                continue
        return found

    def partition_count(self, topic: str) -> int:
        """Return how many partitions a topic has; that never changes while a namespace lives."""
        known = self._partition_counts.get(topic)
        if known is not None:
            return known
        name = full_name(self._settings.namespace, topic)
        try:
            count = len(self._admin.list_topics(name, timeout=_TIMEOUT_S).topics[name].partitions)
        except KafkaException as error:
            raise self._away(str(error)) from error
        if count == 0:
            raise self._unknown(topic)
        self._partition_counts[topic] = count
        return count

    def offset_at(self, partition: TopicPartition, at_ms: int) -> int:
        """Return the offset of the first record of a time or later; the end where there is none."""
        found = self._offsets([partition], OffsetSpec.for_timestamp(at_ms))[partition]
        return found if found >= 0 else self._offsets([partition], _LATEST)[partition]

    def delete_before(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Begin to delete what lies before these offsets."""
        prefix = full_name(self._settings.namespace, "")
        wanted = [
            confluent_kafka.TopicPartition(prefix + where.topic, where.partition, offset)
            for where, offset in offsets.items()
        ]
        if wanted:
            for future in self._admin.delete_records(wanted, request_timeout=_TIMEOUT_S).values():
                future.add_done_callback(_note_deletion)

    def source(self, name: str, *, committed: bool = False, rare: Collection[str] = ()) -> KafkaSource | TwoPaces:
        """Return a new source."""
        if not rare or not self._settings.rare_rest_ms:
            return self._source(name, committed=committed)
        return TwoPaces(
            self._source(name, committed=committed),
            lambda: self._source(f"{name}-rare", committed=committed, rest_ms=self._settings.rare_rest_ms),
            Interest(candidates=frozenset(rare), quiet_s=self._settings.rare_after_ms / 1000),
            self._settings.rare_rest_ms,
        )

    def _source(self, name: str, *, committed: bool, rest_ms: int = 0) -> KafkaSource:
        return KafkaSource(
            self._settings,
            name,
            self,
            self.availability,
            collect_ms=self._collect_ms,
            committed=committed,
            rest_ms=rest_ms,
        )

    def writer(self, partition: TopicPartition, name: str) -> KafkaWriter:
        """Return a new writer."""
        return KafkaWriter(self._settings, partition, name, self.availability)

    def snapshot_writer(self, partition: TopicPartition, name: str) -> KafkaSnapshotWriter:
        """Return a new writer of snapshots."""
        return KafkaSnapshotWriter(self._settings, partition, name, self.availability)

    def close(self) -> None:
        """Disconnect."""
        if self._look_up is not None:
            self._look_up.close()

    def _offsets(self, wanted: list[TopicPartition], spec: OffsetSpec) -> dict[TopicPartition, int]:
        prefix = full_name(self._settings.namespace, "")
        asked = {confluent_kafka.TopicPartition(prefix + where.topic, where.partition): spec for where in wanted}
        if not asked:
            return {}
        found = {}
        for where, future in self._admin.list_offsets(asked, request_timeout=_TIMEOUT_S).items():
            topic = where.topic[len(prefix) :]
            try:
                offset = known_offset(int(self._result(future).offset))
            except _Unknown:
                raise self._unknown(f"{topic}[{where.partition}]") from None
            if offset is None:
                raise self._away(f"it did not say where {topic}[{where.partition}] begins or ends")
            found[TopicPartition(topic, where.partition)] = offset
        self._unknown_since = None
        return found

    def _first(self, consumer: Consumer, partition: TopicPartition) -> Record | None:
        deadline = time.monotonic() + _TIMEOUT_S
        while (left := deadline - time.monotonic()) > 0:
            message = consumer.poll(left)
            if message is None:
                break
            error = message.error()
            if error is None:
                self.availability.answered()
                return Record(
                    topic=partition.topic,
                    partition=partition.partition,
                    offset=message.offset() or 0,
                    at=message.timestamp()[1],
                    key=message.key() or b"",
                    value=message.value() or b"",
                    headers=message.headers() or [],  # type: ignore[arg-type]
                )
            if error.code() == END_OF_PARTITION:
                return None
            if error.code() in OFFSET_GONE:
                raise PositionLost(
                    f"Expected a record of {partition} to exist, but {error.str()}; the topic was shortened"
                )
            self.availability.failed(error)
        raise self._away(f"no record of {partition} within {_TIMEOUT_S:.0f} s")

    def _result(self, future: Future[Any]) -> Any:
        try:
            result = future.result(timeout=2 * _TIMEOUT_S)
        except KafkaException as error:
            reason: KafkaError = error.args[0]
            if reason.code() in TOPIC_UNKNOWN:
                raise _Unknown from error
            raise self._away(reason.str()) from error
        except TimeoutError as error:
            raise self._away("no answer in time") from error
        self.availability.answered()
        return result

    def _away(self, reason: str) -> LogAway:
        self.availability.lost(reason)
        return LogAway(f"Expected Kafka at {self._settings.kafka} to answer, but {reason}")

    def _unknown(self, what: str) -> LogAway | PositionLost:
        now = time.monotonic()
        if self._unknown_since is None:
            self._unknown_since = now
        if now - self._unknown_since < _UNKNOWN_S:
            return LogAway(f"{what} is not known (yet)")
        return PositionLost(
            f"Expected {what} to exist in namespace {self._settings.namespace}, but it does not: the topic was "
            "deleted, or never made. "
            "What it held is lost; a new namespace (HEADRACE_NAMESPACE) begins anew"
        )


def _note_deletion(done: Future[Any]) -> None:
    """A deletion that fails is tried again after the next checkpoint."""
    error = done.exception()
    if error is not None:
        _log.info("records were not deleted: %s", error)


class _Unknown(Exception):
    """The broker does not know a topic or partition."""


def known_offset(offset: int) -> int | None:
    """Return an offset that a list of offsets gave, -1 for one that does not exist; None where it gave none.

    While a partition changes its leader, librdkafka may answer without an error and without an offset, for which it has
    a number of its own. Taken for an offset, that would look like a topic that was cut to nothing.
    """
    return offset if offset >= -1 else None
