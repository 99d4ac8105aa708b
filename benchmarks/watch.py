"""The client's eyes: every event of `workflow.journal`, by the reader's rule, as it comes in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from headrace.contracts.message import Message
from headrace.contracts.topics import WORKFLOW_JOURNAL
from headrace.runtime.settings import Settings
from headrace.shard.kafka import KafkaLog
from headrace.shard.reading import Begin, JournalReader

_BATCH = 500
_WAIT_MS = 100


class Seen(NamedTuple):
    """The events of one accepted record, and the reign (partition and epoch) that wrote it."""

    reign: tuple[int, int]
    events: list[Message]


class JournalWatch:
    """Reads the journal from now on. What came before is none of our workflows, and skipped."""

    def __init__(self, settings: Settings) -> None:
        self._log = KafkaLog(settings)
        self._reader = JournalReader(self._log, [WORKFLOW_JOURNAL], name="bench")
        self._reader.start(otherwise=Begin.LAST_REIGN)
        while not self._reader.at_end():
            self._reader.poll(_BATCH, _WAIT_MS)

    def poll(self, wait_ms: int) -> Iterator[Seen]:
        """Yield each accepted record that has come in; wait at most that long for the first."""
        for accepted in self._reader.poll(_BATCH, wait_ms):
            yield Seen((accepted.partition.partition, accepted.position.epoch), accepted.record.events)

    def close(self) -> None:
        """Stop reading."""
        self._reader.close()
        self._log.close()
