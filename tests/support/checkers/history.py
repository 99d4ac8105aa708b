"""Journals by the reader's rule, written down a second time: what the checkers believe.

The rule, as `headrace.shard.reader_rule` says it: an `EpochStarted` opens a reign whose epoch is its offset; a record
counts when it is of that epoch and has the next number; any other number closes the reign until the next
`EpochStarted`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from headrace.contracts.codec import Codec
from headrace.contracts.journal import EpochStarted, InputPosition, JournalRecord
from headrace.contracts.message import Message
from headrace.shard.ports import Record

_HEADER = struct.Struct(">qq")
_OPENS = -1


class Place(NamedTuple):
    """Where an event stands: its journal partition, the record's offset, and its number in the record."""

    topic: str
    partition: int
    offset: int
    seq: int


class Entry(NamedTuple):
    """One event that counts. `at` is the broker's time of its record, in ms."""

    place: Place
    at: int
    event: Message


class Decision(NamedTuple):
    """One record that counts. `at` is the broker's time in ms."""

    offset: int
    at: int
    epoch: int
    positions: list[InputPosition]


class Reign(NamedTuple):
    """A reign that began, checkpoints included."""

    topic: str
    partition: int
    epoch: int
    at: int
    started: EpochStarted


@dataclass(slots=True)
class JournalState:
    """How far a journal partition has been read."""

    epoch: int = -1
    n: int | None = None
    next_offset: int = 0


@dataclass(slots=True)
class History:
    """All that counts in some journals."""

    entries: list[Entry] = field(default_factory=list)
    decisions: dict[tuple[str, int], list[Decision]] = field(default_factory=dict)
    reigns: list[Reign] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)
    _states: dict[tuple[str, int], JournalState] = field(default_factory=dict)
    _codec: Codec = field(default_factory=Codec)

    @classmethod
    def of(cls, records: Iterable[Record]) -> History:
        """Return the history of records; those of one partition are in their order."""
        history = cls()
        for record in records:
            history.add(record)
        return history

    def add(self, record: Record) -> list[Entry]:
        """Take the next record of a partition, and return the events in it that count."""
        where = (record.topic, record.partition)
        state = self._states.setdefault(where, JournalState())
        assert record.offset >= state.next_offset, f"{where}: offset {record.offset} came after {state.next_offset - 1}"
        state.next_offset = record.offset + 1
        header = next((_HEADER.unpack(value) for name, value in record.headers if name == "pos"), None)
        if header is None:
            return self._skip("alien")
        epoch, n = header
        if epoch == _OPENS:
            state.epoch, state.n = record.offset, 0
            started = self._codec.decode(record.value)
            assert isinstance(started, EpochStarted)
            self.reigns.append(Reign(*where, record.offset, record.at, started))
            return []
        if epoch != state.epoch:
            return self._skip("zombie")
        if state.n is None or n != state.n + 1:
            state.n = None
            return self._skip("hole")
        state.n = n
        return self._accept(record, epoch)

    def of_type(self, *types: type[Message]) -> Iterator[tuple[Place, Any]]:
        """Yield the events of some types."""
        for entry in self.entries:
            if isinstance(entry.event, types):
                yield entry.place, entry.event

    def owners(self) -> dict[tuple[str, int], str]:
        """Return the process that began the last reign of each journal partition."""
        return {(reign.topic, reign.partition): reign.started.process for reign in self.reigns}

    def _accept(self, record: Record, epoch: int) -> list[Entry]:
        decoded = self._codec.decode(record.value)
        assert isinstance(decoded, JournalRecord)
        found = [
            Entry(Place(record.topic, record.partition, record.offset, seq), record.at, event)
            for seq, event in enumerate(decoded.events)
        ]
        self.entries += found
        decision = Decision(record.offset, record.at, epoch, list(decoded.positions))
        self.decisions.setdefault((record.topic, record.partition), []).append(decision)
        return found

    def _skip(self, why: str) -> list[Entry]:
        self.skipped[why] = self.skipped.get(why, 0) + 1
        return []
