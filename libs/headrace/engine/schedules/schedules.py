"""The schedules of a shard, when the next of them has something to do, and which commands they have seen."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from headrace.engine.schedules.schedule import Schedule
from headrace.shard.entries import Changed

_SMALL = 64


class Schedules:
    """Schedules by id. `running_limit` is how many workflows of one schedule may run at once."""

    __slots__ = ("_by_id", "_crowded_from", "_heap", "changed", "commands", "running_limit")

    def __init__(self, *, running_limit: int, command_limit: int) -> None:
        self.running_limit = running_limit
        self.commands = SeenCommands(command_limit)
        self.changed: Changed[str] = Changed()
        self._by_id: dict[str, Schedule] = {}
        self._heap: list[tuple[int, str]] = []
        self._crowded_from = _SMALL

    def get(self, schedule_id: str) -> Schedule | None:
        """Return a schedule; None when there is none."""
        return self._by_id.get(schedule_id)

    def put(self, schedule: Schedule) -> None:
        """Take in a schedule that is new or has changed."""
        schedule_id = schedule.schedule_id
        if schedule_id in self._by_id:
            self.changed.touched(schedule_id)
        else:
            self.changed.made(schedule_id)
        self._by_id[schedule_id] = schedule
        self._note(schedule)

    def restore(self, schedule: Schedule) -> None:
        """Take in a schedule of a snapshot."""
        self._by_id[schedule.schedule_id] = schedule
        self._note(schedule)

    def remove(self, schedule_id: str) -> None:
        """Take a schedule out."""
        if self._by_id.pop(schedule_id, None) is not None:
            self.changed.touched(schedule_id)

    def first(self) -> tuple[int, Schedule] | None:
        """Return the schedule that has something to do first, and when: in ms since the epoch."""
        while self._heap:
            wakes_at, schedule_id = self._heap[0]
            schedule = self._by_id.get(schedule_id)
            if schedule is not None and schedule.wakes_at(self.running_limit) == wakes_at:
                return wakes_at, schedule
            heapq.heappop(self._heap)
        return None

    def values(self) -> Iterator[Schedule]:
        """Yield all schedules."""
        yield from self._by_id.values()

    def __contains__(self, schedule_id: object) -> bool:
        return schedule_id in self._by_id

    def __len__(self) -> int:
        return len(self._by_id)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Schedules):
            return NotImplemented
        return self._by_id == other._by_id and self.commands == other.commands

    __hash__ = None  # type: ignore[assignment]

    def _note(self, schedule: Schedule) -> None:
        """Put a schedule's time on the heap. What stands there for it from before is passed over when it comes up."""
        wakes_at = schedule.wakes_at(self.running_limit)
        if wakes_at is not None:
            heapq.heappush(self._heap, (wakes_at, schedule.schedule_id))
        if len(self._heap) > self._crowded_from:
            found = ((each.wakes_at(self.running_limit), each.schedule_id) for each in self._by_id.values())
            self._heap = [(wakes_at, schedule_id) for wakes_at, schedule_id in found if wakes_at is not None]
            heapq.heapify(self._heap)
            self._crowded_from = 2 * len(self._heap) + _SMALL


class SeenCommands:
    """Digests of the commands that were accepted last, those of deleted schedules too.

    A command that was logged before `forgotten_before` (ms since the epoch) may be one that is no longer known.
    """

    __slots__ = ("_limit", "changed", "digests", "forgotten_before")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.digests: dict[bytes, int] = {}
        self.forgotten_before = 0
        self.changed = False

    def add(self, digest: bytes, at: int) -> None:
        """Remember a command that was decided at a time; the oldest goes when there are too many."""
        if digest in self.digests or not any(digest):
            return
        self.digests[digest] = at
        self.changed = True
        while len(self.digests) > self._limit:
            oldest = next(iter(self.digests))
            self.forgotten_before = max(self.forgotten_before, self.digests.pop(oldest) + 1)

    def __contains__(self, digest: object) -> bool:
        return digest in self.digests

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SeenCommands):
            return NotImplemented
        return self.digests == other.digests and self.forgotten_before == other.forgotten_before

    __hash__ = None  # type: ignore[assignment]
