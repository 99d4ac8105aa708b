"""One member of a consumer group, as listeners and triggers use it: at least once, in order within a partition.

Where a partition begins that the group has no position for is decided here and committed at once, so that what
comes while the process restarts is not left out. While a call runs, the reader still takes part in its group
(`keep_alive`), so that a slow function is not taken for a dead process; the partitions stand still meanwhile.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import confluent_kafka
from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, Message

from headrace.authoring.listeners import Start
from headrace.contracts.headers import Headers
from headrace.runtime.listener_settings import ListenerSettings
from headrace.runtime.settings import Settings
from headrace.shard.kafka.availability import Availability
from headrace.shard.ports import Record
from headrace_listener.kafka_options import reader_options

_log = logging.getLogger("headrace.listener")
# The group tells a member that gets nothing so by silence.
_EMPTY_HANDED_S = 3.0
_LOOK_UP_S = 2.0
_MISSING = {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError.UNKNOWN_TOPIC_ID}  # noqa: SLF001
_GONE = {KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE}  # noqa: SLF001
_Where = tuple[str, int]


class GroupReader:
    """Reads topics (by their full names) in a consumer group. For one thread."""

    def __init__(
        self,
        settings: Settings,
        topics: Sequence[str],
        *,
        group: str,
        start: Start,
        limits: ListenerSettings,
        availability: Availability,
    ) -> None:
        self._group = group
        self._start = start
        self._limits = limits
        self._availability = availability
        self._next: dict[_Where, int] = {}
        """The offset of the first record that is not done, of every partition that is ours and has its place."""
        self._delivered: dict[_Where, int] = {}
        self._ends: dict[_Where, int] = {}
        self._committed: dict[_Where, int] = {}
        self._unplaced: set[_Where] = set()
        self._backlog: deque[Message] = deque()
        self._paused = False
        self._told = False
        self._missing = False
        self._member_since: float | None = None
        self._commit_at = 0.0
        options = reader_options(settings, group, discover=True)
        self._consumer = Consumer({**options, "error_cb": availability.failed, "on_commit": self._was_committed})
        self._consumer.subscribe(list(topics), on_assign=self._given, on_revoke=self._taken, on_lost=self._lost)

    def poll(self, wait_ms: int) -> list[Record]:
        """Return the next records, of the group's partitions that are ours; wait at most `wait_ms` for the first."""
        self._place()
        if self._backlog:
            messages = list(self._backlog)
            self._backlog.clear()
        else:
            # `consume` with a time-out waits for the whole of it unless the batch is full; `poll` returns with the
            # first.
            first = self._consumer.poll(wait_ms / 1000)
            messages = [first] if first is not None else []
        messages += self._consumer.consume(self._limits.batch_records, 0)
        records = [record for record in map(self._record, messages) if record is not None]
        if records:
            self._availability.answered()
        return records

    def keep_alive(self) -> None:
        """Take part in the group while a record is being handled; nothing is read meanwhile."""
        if not self._paused:
            self._paused = True
            self._consumer.pause(self._consumer.assignment())
        message = self._consumer.poll(0)
        if message is not None:
            self._backlog.append(message)

    def resume(self) -> None:
        """Read on after `keep_alive`."""
        if self._paused:
            self._paused = False
            self._consumer.resume([_named(where) for where in self._next])

    def ours(self, record: Record) -> bool:
        """Tell whether a record is still ours to handle: its partition was not taken away, and it is not done."""
        return self._next.get((record.topic, record.partition), record.offset + 1) <= record.offset

    def done(self, record: Record) -> None:
        """Note that a record was handled; the position is committed by `commit`."""
        where = (record.topic, record.partition)
        if where in self._next:
            self._next[where] = max(self._next[where], record.offset + 1)

    def commit(self, *, now: bool = False) -> None:
        """Commit what is done, if the last commit was long enough ago; with `now`, at once and waiting."""
        self._pass_ends()
        moved = self._moved(self._next)
        if not moved or (not now and time.monotonic() < self._commit_at):
            return
        self._commit_at = time.monotonic() + self._limits.commit_pause_ms / 1000
        self._commit(moved, wait=now)

    def placed(self) -> bool:
        """Tell whether this member knows its part: what it gets, that it gets nothing, or that there is no topic."""
        if self._missing or (self._told and not self._unplaced):
            return True
        if self._member_since is None and self._consumer.memberid():
            self._member_since = time.monotonic()
        waited = self._member_since is not None and time.monotonic() - self._member_since > _EMPTY_HANDED_S
        return waited and not self._unplaced

    def positions(self) -> dict[str, int]:
        """Return the offset that comes next, by topic and partition."""
        return {f"{topic}/{number}": offset for (topic, number), offset in sorted(self._next.items())}

    def lag(self) -> int:
        """Return how many records wait in our partitions, as far as the last fetches told."""
        behind = 0
        for where, offset in self._next.items():
            bounds: Any = self._consumer.get_watermark_offsets(_named(where), cached=True)  # None before a fetch
            if bounds is not None and bounds[1] >= 0:
                behind += max(0, bounds[1] - offset)
        return behind

    def close(self) -> None:
        """Commit what is done and leave the group, so that others take over at once."""
        self.commit(now=True)
        self._consumer.close()

    # --- the group's doings -----------------------------------------------------------------------------------------

    def _given(self, consumer: Consumer, partitions: list[confluent_kafka.TopicPartition]) -> None:
        # Where they begin is looked up in `_place`, which may take several tries; until then they stand still.
        self._told = True
        self._missing = False
        waiting = [confluent_kafka.TopicPartition(p.topic, p.partition, OFFSET_END) for p in partitions]
        consumer.incremental_assign(waiting)
        consumer.pause(waiting)
        self._unplaced.update((p.topic, p.partition) for p in partitions)

    def _taken(self, consumer: Consumer, partitions: list[confluent_kafka.TopicPartition]) -> None:
        self._commit(self._moved((p.topic, p.partition) for p in partitions), wait=True)
        self._lost(consumer, partitions)

    def _lost(self, consumer: Consumer, partitions: list[confluent_kafka.TopicPartition]) -> None:
        for partition in partitions:
            where = (partition.topic, partition.partition)
            self._unplaced.discard(where)
            for known in (self._next, self._committed, self._delivered, self._ends):
                known.pop(where, None)
        consumer.incremental_unassign(partitions)

    def _place(self) -> None:
        """Begin to read the partitions that the group has given us, each where it belongs."""
        if not self._unplaced:
            return
        try:
            wanted = [_named(where) for where in sorted(self._unplaced)]
            known = self._consumer.committed(wanted, timeout=_LOOK_UP_S)
            starts = {(p.topic, p.partition): self._first_offset(p) for p in known}
        except KafkaException as error:
            self._availability.failed(error.args[0])
            return
        new = {(p.topic, p.partition): starts[p.topic, p.partition] for p in known if p.offset < 0}
        if not self._commit(new, wait=True):
            return
        self._consumer.incremental_unassign(wanted)
        self._consumer.incremental_assign([_named(where, offset) for where, offset in starts.items()])
        self._consumer.resume(wanted)
        self._next.update(starts)
        self._committed.update(starts)
        self._unplaced.difference_update(starts)

    def _first_offset(self, known: confluent_kafka.TopicPartition) -> int:
        low, end = self._consumer.get_watermark_offsets(known, timeout=_LOOK_UP_S)
        if known.offset < 0:
            return int(low if self._start == "earliest" else end)
        if low <= known.offset <= end:
            return int(known.offset)
        _log.error(
            "%s: expected to read %s[%d] from offset %d on, but it holds %d to %d: what is missing was deleted by its "
            "retention time, or the topic was made anew. Going on at %d",
            self._group, known.topic, known.partition, known.offset, low, end - 1, low,
        )  # fmt: skip
        return int(low)

    def _was_committed(self, error: KafkaError | None, partitions: list[confluent_kafka.TopicPartition]) -> None:
        """An asynchronous commit has ended; one that failed is due again."""
        for partition in partitions:
            failure = error or partition.error
            if failure is not None:
                self._availability.failed(failure)
                self._committed.pop((partition.topic, partition.partition), None)

    # --- records and positions --------------------------------------------------------------------------------------

    def _record(self, message: Message) -> Record | None:
        error = message.error()
        if error is not None:
            self._note(message, error)
            return None
        topic, partition, offset = message.topic(), message.partition(), message.offset()
        assert topic is not None
        assert partition is not None
        assert offset is not None
        record = Record(
            topic=topic,
            partition=partition,
            offset=offset,
            at=message.timestamp()[1],
            key=_bytes(message.key()),
            value=_bytes(message.value()),
            headers=_headers(message),
        )
        if not self.ours(record):
            return None
        self._delivered[topic, partition] = offset + 1
        return record

    def _note(self, message: Message, error: KafkaError) -> None:
        topic, partition, offset = message.topic(), message.partition(), message.offset()
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
            if topic is not None and partition is not None and offset is not None:
                self._ends[topic, partition] = offset
        elif error.code() in _MISSING:
            if not self._missing:
                _log.warning("%s: topic %s does not exist (yet); waiting for it", self._group, message.topic())
            self._missing = True
        elif error.code() in _GONE:
            # Records between our position and the first one left were deleted under us: find our place anew.
            lost = [w for w in self._next if w[0] == topic and partition in (w[1], -1, None)]
            self._unplaced.update(lost)
        else:
            self._availability.failed(error)

    def _pass_ends(self) -> None:
        """Move past what is never delivered (the markers of transactions) where all that was delivered is done."""
        for where, end in list(self._ends.items()):
            known = self._next.get(where, -1)
            if known >= self._delivered.get(where, 0):
                self._next[where] = max(known, end)
                del self._ends[where]

    def _moved(self, partitions: Any) -> dict[_Where, int]:
        return {w: self._next[w] for w in partitions if w in self._next and self._next[w] != self._committed.get(w)}

    def _commit(self, offsets: dict[_Where, int], *, wait: bool) -> bool:
        if not offsets:
            return True
        named = [_named(where, offset) for where, offset in offsets.items()]
        try:
            if wait:
                self._consumer.commit(offsets=named, asynchronous=False)
            else:
                self._consumer.commit(offsets=named, asynchronous=True)
        except KafkaException as error:
            # The group has changed, or Kafka is away: whoever has the partition next handles these records again.
            self._availability.failed(error.args[0])
            return False
        self._committed.update({where: offset for where, offset in offsets.items() if where in self._next})
        return True


def _named(where: _Where, offset: int = confluent_kafka.OFFSET_INVALID) -> confluent_kafka.TopicPartition:
    return confluent_kafka.TopicPartition(where[0], where[1], offset)


def _bytes(value: object) -> bytes:
    if value is None:
        return b""
    return value if isinstance(value, bytes) else str(value).encode()


def _headers(message: Message) -> Headers:
    found: Any = message.headers()  # a list of pairs, whatever the stub says
    return [(name, _bytes(value)) for name, value in found or []]
