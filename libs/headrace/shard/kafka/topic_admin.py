"""What `headrace.shard.topics` asks of a cluster: find and make topics, read and write the namespace's record."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from typing import Any

import confluent_kafka
import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicCollection
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from headrace.contracts.definitions import NamespaceSettings
from headrace.contracts.topics import NAMESPACE, TopicSpec, full_name
from headrace.runtime.codecs import codec_for
from headrace.runtime.settings import Settings
from headrace.shard.kafka.availability import Availability
from headrace.shard.kafka.error_codes import END_OF_PARTITION
from headrace.shard.kafka.options import admin_options, reader_options, writer_options
from headrace.shard.ports import LogAway

_TIMEOUT_S = 10.0
# A question that only reads is answered in milliseconds; who asks in vain for three seconds wants to say so.
_FIND_TIMEOUT_S = 3.0
_KEY = b"settings"
# Room for a journal record at its limit, with what compression and framing add.
_MAX_MESSAGE_BYTES = 8_388_608


class TopicsRefused(Exception):
    """The cluster does not make the topics; the text says why."""


class FoundTopic(msgspec.Struct, frozen=True):
    """A topic that exists, with a leader for every partition."""

    topic_id: str
    partitions: int


class TopicAdmin:
    """Speaks with the cluster about one namespace. Every method raises `LogAway` when it does not answer."""

    def __init__(self, settings: Settings) -> None:
        """Connect lazily."""
        self._settings = settings
        self._availability = Availability(settings.kafka)
        options: dict[str, Any] = {**admin_options(settings), "error_cb": self._availability.failed}
        self._admin = AdminClient(options)
        self._codec = codec_for(settings)

    def find(self, topics: Iterable[str]) -> dict[str, FoundTopic]:
        """Return those topics that exist and are led, by name without the namespace."""
        names = {full_name(self._settings.namespace, topic): topic for topic in topics}
        found = {}
        described = self._admin.describe_topics(TopicCollection(list(names)), request_timeout=_FIND_TIMEOUT_S)
        for name, future in described.items():
            topic = self._result(future, {KafkaError.UNKNOWN_TOPIC_OR_PART})
            if topic is not None and all(p.leader is not None and p.leader.id >= 0 for p in topic.partitions):
                found[names[name]] = FoundTopic(str(topic.topic_id), len(topic.partitions))
        return found

    def create(self, topics: Mapping[str, tuple[TopicSpec, int]]) -> None:
        """Make topics, each with so many partitions; one that exists already is left alone.

        Raises:
            TopicsRefused: the cluster says no.
        """
        replicas = self._settings.replication_factor
        new = [
            NewTopic(
                full_name(self._settings.namespace, topic),
                num_partitions=partitions,
                replication_factor=replicas,
                config=topic_config(spec, replicas),
            )
            for topic, (spec, partitions) in topics.items()
        ]
        for future in self._admin.create_topics(new, operation_timeout=_TIMEOUT_S, request_timeout=_TIMEOUT_S).values():
            self._result(future, {KafkaError.TOPIC_ALREADY_EXISTS})

    def read_record(self) -> NamespaceSettings | None:
        """Return the namespace's record; None when there is none yet. The topic must exist."""
        consumer = Consumer({**reader_options(self._settings, "namespace"), "error_cb": self._availability.failed})
        topic = full_name(self._settings.namespace, NAMESPACE)
        found: NamespaceSettings | None = None
        try:
            # A consumer that does not know the leader yet asks for the beginning again after half a second.
            consumer.list_topics(topic, timeout=_FIND_TIMEOUT_S)
            consumer.assign([confluent_kafka.TopicPartition(topic, 0, confluent_kafka.OFFSET_BEGINNING)])
            deadline = time.monotonic() + _TIMEOUT_S
            while time.monotonic() < deadline:
                message = consumer.poll(max(deadline - time.monotonic(), 0))
                error = message.error() if message is not None else None
                if error is not None and error.code() == END_OF_PARTITION:
                    return found
                if message is None or error is not None:
                    continue
                record = self._codec.decode(message.value())
                if message.key() == _KEY and isinstance(record, NamespaceSettings):
                    found = record
        except KafkaException as error:
            raise self._away(str(error)) from error
        finally:
            consumer.close()
        raise self._away(f"topic {topic} could not be read within {_TIMEOUT_S:.0f} s")

    def write_record(self, record: NamespaceSettings) -> None:
        """Write the namespace's record."""
        options = writer_options(self._settings, "namespace")
        failed: list[str] = []
        producer = Producer(
            {**options, "message.timeout.ms": int(_TIMEOUT_S * 1000), "error_cb": self._availability.failed}
        )
        topic = full_name(self._settings.namespace, NAMESPACE)

        def delivered(error: KafkaError | None, _message: object) -> None:
            if error is not None:
                failed.append(error.str())

        producer.produce(topic, key=_KEY, value=self._codec.encode(record), partition=0, on_delivery=delivered)
        if producer.flush(2 * _TIMEOUT_S) or failed:
            raise self._away(f"the record of topic {topic} was not written: {failed or 'no answer'}")

    def _result(self, future: Future[Any], harmless: set[int]) -> Any:
        try:
            result = future.result(timeout=2 * _TIMEOUT_S)
        except KafkaException as error:
            reason: KafkaError = error.args[0]
            if reason.code() in harmless:
                return None
            if reason.retriable() or reason.code() < 0:  # codes below 0 are the client's own: time-outs and connections
                raise self._away(reason.str()) from error
            raise TopicsRefused(
                f"Expected the cluster at {self._settings.kafka} to answer for namespace {self._settings.namespace} "
                "(replication factor "
                f"{self._settings.replication_factor}), but it refused: {reason.str()}"
            ) from error
        except TimeoutError as error:
            raise self._away("no answer in time") from error
        self._availability.answered()
        return result

    def _away(self, reason: str) -> LogAway:
        self._availability.lost(reason)
        return LogAway(f"Expected Kafka at {self._settings.kafka} to answer, but {reason}")


def topic_config(spec: TopicSpec, replicas: int) -> dict[str, str]:
    """Return the configuration of a topic."""
    return {
        "cleanup.policy": spec.cleanup,
        "retention.ms": str(spec.retention_ms),
        # Size must never delete what time keeps.
        "retention.bytes": "-1",
        "message.timestamp.type": spec.timestamp,
        "max.message.bytes": str(_MAX_MESSAGE_BYTES),
        # With three replicas one broker may be away; an acknowledged record is then on two disks at least.
        "min.insync.replicas": str(max(replicas - 1, 1)),
        "unclean.leader.election.enable": "false",
        **spec.config,
    }
