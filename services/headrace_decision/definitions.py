"""The definitions topic as the decision service keeps it: read whole at the start, then followed."""

from __future__ import annotations

import logging

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition

from headrace.authoring.definitions import DefinitionStore
from headrace.contracts.codec import Codec, DecodeError
from headrace.contracts.definitions import Definition
from headrace.contracts.topics import DEFINITIONS, full_name
from headrace.runtime.settings import Settings
from headrace.shard.kafka.options import reader_options

_log = logging.getLogger("headrace.decision")
_BATCH = 500
_ASK_TIMEOUT_S = 10.0
# It is read when a workflow starts, which may be long after something has come. While more is queued than this, the
# client looks every millisecond whether it was taken, so there must be room.
_SELDOM = {"queued.min.messages": 10_000}


class FollowedDefinitions:
    """Definitions by name and version (`headrace.engine.programs.program.Definitions`), kept up to date by its
    owner's calls.
    """

    def __init__(self, settings: Settings, codec: Codec) -> None:
        self.store = DefinitionStore()
        self._codec = codec
        self._topic = full_name(settings.namespace, DEFINITIONS)
        # A tombstone or a marker at the end leaves gaps, so the end is what the broker says, not the last record seen.
        self._next = 0
        self._consumer = Consumer(
            {**reader_options(settings, "definitions"), **_SELDOM, "group.id": f"{settings.namespace}.definitions"}
        )
        self._consumer.assign([TopicPartition(self._topic, 0, OFFSET_BEGINNING)])

    def get(self, name: str, version: str) -> Definition | None:
        """Return one version; an unknown one makes the topic be read to its end first."""
        found = self.store.get(name, version)
        if found is None:
            self.read_to_end()
            found = self.store.get(name, version)
        return found

    def latest(self, name: str) -> Definition | None:
        """Return the version that a start without a version gets, of all that has arrived by now."""
        self._drain()
        found = self.store.latest(name)
        if found is None:
            self.read_to_end()
            found = self.store.latest(name)
        return found

    def read_to_end(self) -> None:
        """Read until the end that the topic has now. With Kafka away, what is known has to do."""
        try:
            _, end = self._consumer.get_watermark_offsets(TopicPartition(self._topic, 0), timeout=_ASK_TIMEOUT_S)
        except KafkaException as error:
            _log.warning("definitions: the end of %s cannot be asked for: %s", self._topic, error)
            return
        while self._next < end:
            self._take(1.0)

    def close(self) -> None:
        """Let go of Kafka."""
        self._consumer.close()

    def _drain(self) -> None:
        while self._take(0):
            continue

    def _take(self, wait_s: float) -> int:
        """Take in what has arrived; return how many records that were."""
        first = self._consumer.poll(wait_s)
        if first is None:
            return 0
        messages = [first, *self._consumer.consume(_BATCH, 0)]
        for message in messages:
            if message.error() is not None:
                # The end of the partition, which also passes over records that were compacted away.
                self._next = max(self._next, message.offset() or 0)
                continue
            self._next = (message.offset() or 0) + 1
            value = message.value()
            if value is None:
                continue
            try:
                self.store.apply(self._codec.decode(value))
            except DecodeError as error:
                _log.error("definitions: offset %s of %s is left out: %s", message.offset(), self._topic, error)
        return len(messages)
