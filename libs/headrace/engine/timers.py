"""A heap of timers. It is an index over the state, not part of it: an entry that no longer fits is dropped when it
surfaces, or when too many of them have gathered.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable

_SMALL = 1_024
"""Entries that are not worth a sweep."""

Timer = tuple[int, str, int]
"""Due time in ms since the epoch, workflow id, step. Equal times go by the id, so that the order does not depend on
when an entry was made."""


class TimerHeap:
    """Timers by due time."""

    __slots__ = ("_crowded_from", "_heap")

    def __init__(self, timers: Iterable[Timer] = ()) -> None:
        self._heap: list[Timer] = list(timers)
        heapq.heapify(self._heap)
        self._crowded_from = 2 * len(self._heap) + _SMALL

    def set(self, due_at: int, workflow_id: str, step: int) -> None:
        """Set a timer. Setting it again does no harm."""
        heapq.heappush(self._heap, (due_at, workflow_id, step))

    def first(self) -> Timer | None:
        """Return the first timer, without taking it."""
        return self._heap[0] if self._heap else None

    def drop_first(self) -> None:
        """Take the first timer away."""
        heapq.heappop(self._heap)

    @property
    def crowded(self) -> bool:
        """Tell whether a sweep is due: twice as many entries as it left the last time."""
        return len(self._heap) > self._crowded_from

    def sweep(self, is_set: Callable[[str, int, int], bool]) -> None:
        """Drop the entries that stand for nothing any more; `is_set` takes workflow id, step and due time.

        Without it, the time limits of workflows that have long ended would gather until their time came.
        """
        self._heap = [timer for timer in self._heap if is_set(timer[1], timer[2], timer[0])]
        heapq.heapify(self._heap)
        self._crowded_from = 2 * len(self._heap) + _SMALL

    def __len__(self) -> int:
        return len(self._heap)
