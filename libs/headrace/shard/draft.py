"""The journal record in the making: encoded events, whom they are for, and the inputs that moved."""

from __future__ import annotations

from collections.abc import Iterable

from headrace.shard.ports import TopicPartition
from headrace.shard.reader_rule import Position

_HEAD_BYTES = 64
_POSITION_BYTES = 96  # at most: a topic name of 50 bytes and four varints of 10


class Draft:
    """Collects one record. `split` cuts off what was complete when it grew too large."""

    __slots__ = ("_addressees", "_event_bytes", "events", "inputs", "moved")

    def __init__(self) -> None:
        self.events: list[bytes] = []
        self.moved: dict[TopicPartition, Position] = {}
        self.inputs = 0
        self._addressees: list[tuple[str, ...]] = []
        self._event_bytes = 0

    @property
    def size_bytes(self) -> int:
        """Return an upper bound of the record's size."""
        return _HEAD_BYTES + self._event_bytes + _POSITION_BYTES * len(self.moved)

    def add(self, encoded: bytes, addressees: Iterable[str]) -> None:
        """Take an event."""
        self.events.append(encoded)
        self._addressees.append(tuple(addressees))
        self._event_bytes += len(encoded)

    def addressees(self) -> list[str]:
        """Return everybody that the record is for, each once, in order."""
        return sorted({name for names in self._addressees for name in names})

    def split(self, events: int) -> tuple[Draft, Draft]:
        """Return the first events with all moves as one draft, the others as another."""
        first, rest = Draft(), Draft()
        first.moved, first.inputs = self.moved, self.inputs
        for at, encoded in enumerate(self.events):
            (first if at < events else rest).add(encoded, self._addressees[at])
        return first, rest
