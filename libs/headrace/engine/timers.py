"""A heap of timers. It is an index over the state, not part of it: an entry that no longer fits is dropped when it
surfaces.
"""

from __future__ import annotations

import heapq


class TimerHeap:
    """Timers by due time; among equals, first set first."""

    __slots__ = ("_count", "_heap")

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, str, str, int]] = []
        self._count = 0

    def set(self, due_at: int, workflow_id: str, run_id: str, step: int) -> None:
        """Set a timer, in ms since the epoch. Setting it again does no harm."""
        self._count += 1
        heapq.heappush(self._heap, (due_at, self._count, workflow_id, run_id, step))

    def first(self) -> tuple[int, str, str, int] | None:
        """Return the first timer as (due_at, workflow_id, run_id, step), without taking it."""
        if not self._heap:
            return None
        due_at, _, workflow_id, run_id, step = self._heap[0]
        return due_at, workflow_id, run_id, step

    def drop_first(self) -> None:
        """Take the first timer away."""
        heapq.heappop(self._heap)

    def __len__(self) -> int:
        return len(self._heap)
