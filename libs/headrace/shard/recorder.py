"""Rule 5, the record: events become bytes, then state, then part of an atomic record with the inputs that moved."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from headrace.contracts.headers import journal_headers
from headrace.contracts.journal import JournalRecord
from headrace.contracts.message import Message
from headrace.shard.draft import Draft
from headrace.shard.environment import Environment
from headrace.shard.errors import DecisionTooLarge
from headrace.shard.fold import Fold, input_position
from headrace.shard.ports import TopicPartition
from headrace.shard.reader_rule import Position
from headrace.shard.window import Window


class Unfit(Exception):
    """An event that the decider yielded could not be recorded or evolved; carries it, and why.

    The state may be half changed.
    """

    def __init__(self, event: Message, error: Exception) -> None:
        """Carry the event and the error."""
        super().__init__(str(error))
        self.event = event
        self.error = error


class Recorder:
    """Collects decisions into records and numbers them."""

    def __init__(self, env: Environment, fold: Fold, window: Window, epoch: int) -> None:
        """Begin a reign: n is 0."""
        self._env = env
        self._fold = fold
        self._window = window
        self._epoch = epoch
        self._n = 0
        self._draft = Draft()
        self._began = 0
        self._now_ms = 0
        self._progress_due: int | None = None

    @property
    def is_full(self) -> bool:
        """Tell whether the record takes no further input."""
        limits = self._env.limits
        return self._draft.inputs >= limits.record_inputs or self._draft.size_bytes >= limits.seal_bytes

    @property
    def n(self) -> int:
        """Return the number of the last record of the reign."""
        return self._n

    def begin_epoch(self, epoch: int) -> None:
        """Number what follows from 1 again, under a checkpoint's fence; what only moved still waits for a record."""
        assert not self._draft.events, "a checkpoint is made between two records"
        self._epoch = epoch
        self._n = 0

    @property
    def progress_due(self) -> int | None:
        """Return when progress is to be recorded for its own sake, in monotonic ms."""
        return self._progress_due

    def begin(self, now_ms: int) -> None:
        """Begin an input, a tick or the rest of a decision: what follows stays together in one record."""
        self._began = len(self._draft.events)
        self._now_ms = now_ms

    def collect(self, make: Callable[[], Iterator[Message]], stop_at_bytes: int | None = None) -> Exception | None:
        """Record and evolve the events of a decider one by one; return the exception that the decider raised, if any.

        Raises:
            Unfit: an event could not be recorded or evolved.
        """
        try:
            events = make()
        except Exception as error:  # noqa: BLE001  the decider is anybody's code; what it raises is data here
            return error
        while True:
            try:
                event = next(events, None)
            except Exception as error:  # noqa: BLE001  the decider is anybody's code; what it raises is data here
                return error
            if event is None:
                return None
            try:
                self._take(event)
            except Exception as error:
                raise Unfit(event, error) from error
            if stop_at_bytes is not None and self._draft.size_bytes >= stop_at_bytes:
                return None

    def _take(self, event: Message) -> None:
        encoded = self._env.codec.encode_event(event)
        limit = self._env.limits.record_limit_bytes
        if self._began and self._draft.size_bytes + len(encoded) > limit:
            # Inputs before this one are complete: they go out on their own, and this one gets a record for itself.
            complete, self._draft = self._draft.split(self._began)
            self._began = 0
            self._append(complete, self._now_ms)
        if self._draft.size_bytes + len(encoded) > limit:
            raise DecisionTooLarge(
                f"Expected the events of one decision to fit a record of {limit} bytes, but {event.type_name()} would "
                "make it "
                f"{self._draft.size_bytes + len(encoded)}; the decider must leave the rest pending"
            )
        self._env.decider.evolve(self._fold.state, event)
        self._draft.add(encoded, self._env.decider.addressees(event))
        self._env.metrics.events += 1

    def mark(self, event: Message) -> None:
        """Record an event of the runtime itself, which no decider sees."""
        self._draft.add(self._env.codec.encode_event(event), ())

    def move(self, partition: TopicPartition, position: Position) -> None:
        """Note that an input was passed over; that is recorded with the next decision."""
        self._fold.move(partition, position)
        self._draft.moved[partition] = position

    def decided(self, partition: TopicPartition, position: Position, *, command: bool) -> None:
        """Note that an input was decided; a command is recorded soon even if nothing else follows."""
        self._draft.inputs += 1
        self.move(partition, position)
        if command and self._progress_due is None:
            self._progress_due = self._env.clock.monotonic_ms() + self._env.limits.progress_delay_ms

    def seal(self, now_ms: int) -> None:
        """Append what was decided, if anything was; what only moved waits for the next record."""
        if self._draft.events:
            draft, self._draft = self._draft, Draft()
            self._append(draft, now_ms)
        else:
            self._draft.inputs = 0

    def record_progress(self, now_ms: int) -> bool:
        """Rule 5: a record for progress alone, only after commands.

        After other journals' records, too, shards would keep each other awake for ever.
        """
        if self._progress_due is None or self._env.clock.monotonic_ms() < self._progress_due:
            return False
        draft, self._draft = self._draft, Draft()
        self._append(draft, now_ms)
        return True

    def _append(self, draft: Draft, now_ms: int) -> None:
        self._n += 1
        self._progress_due = None
        positions = [input_position(where, position) for where, position in draft.moved.items()]
        head = JournalRecord(epoch=self._epoch, n=self._n, at=now_ms, positions=positions, events=[])
        value = self._env.codec.encode_record(head, draft.events)
        self._env.metrics.records += 1
        self._env.metrics.record_bytes += len(value)
        self._window.append(self._n, value, journal_headers(self._epoch, self._n, draft.addressees()))
