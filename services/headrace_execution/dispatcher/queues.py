"""Waiting attempts, by queue and task: the first is found without looking at the others.

A *bucket* holds what waits for one task of one queue. Its heap is ordered by priority, then by arrival; entries of
attempts that left are skipped when they come to the top.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush

import msgspec

from headrace.contracts.task_events import TaskScheduled

Key = tuple[str, int, int]
"""An attempt: run id, step, attempt."""


class Attempt(msgspec.Struct, kw_only=True):
    """An open attempt. `assignment` is 0 while it waits; `arrival` keeps its place in the queue over requeues.

    One that must run `alone` waits in no heap: it must not stand in the way of others.
    """

    key: Key
    task: TaskScheduled
    shard: int
    arrival: int
    losses: int
    unserved: bool = False
    alone: bool = False
    assignment: int = 0

    @property
    def order(self) -> tuple[int, int]:
        """Return what decides who is first: priority, then arrival."""
        return (-self.task.priority, self.arrival)


class Bucket:
    """What waits for one task of one queue: `served` by some worker, or `unserved`, as the journal has told."""

    __slots__ = ("_heap", "served", "unserved")

    def __init__(self) -> None:
        self.served: dict[Key, Attempt] = {}
        self.unserved: dict[Key, Attempt] = {}
        self._heap: list[tuple[tuple[int, int], Key]] = []

    def __len__(self) -> int:
        return len(self.served) + len(self.unserved)

    def put(self, attempt: Attempt) -> None:
        """Let an attempt wait."""
        (self.unserved if attempt.unserved else self.served)[attempt.key] = attempt
        if not attempt.alone:
            heappush(self._heap, (attempt.order, attempt.key))

    def remove(self, attempt: Attempt) -> None:
        """Take an attempt out."""
        (self.unserved if attempt.unserved else self.served).pop(attempt.key, None)
        if len(self._heap) > 64 and len(self._heap) > 2 * len(self):
            waiting = (self.served | self.unserved).values()
            self._heap = [(each.order, each.key) for each in waiting if not each.alone]
            heapify(self._heap)

    def tell(self, attempt: Attempt, *, unserved: bool) -> None:
        """Note that the journal tells whether somebody offers the attempt's task."""
        (self.unserved if attempt.unserved else self.served).pop(attempt.key, None)
        attempt.unserved = unserved
        (self.unserved if unserved else self.served)[attempt.key] = attempt

    def head(self) -> Attempt | None:
        """Return the first attempt; None when nothing waits."""
        while self._heap:
            order, key = self._heap[0]
            attempt = self.served.get(key) or self.unserved.get(key)
            # An entry may be left from before the attempt had to run alone: a replay never asks for the head.
            if attempt is not None and not attempt.alone and attempt.order == order:
                return attempt
            heappop(self._heap)
        return None


class Queues:
    """All buckets, by queue and then by task; empty ones are dropped."""

    __slots__ = ("buckets",)

    def __init__(self) -> None:
        self.buckets: dict[str, dict[str, Bucket]] = {}

    def put(self, attempt: Attempt) -> None:
        """Let an attempt wait."""
        tasks = self.buckets.setdefault(attempt.task.queue, {})
        tasks.setdefault(attempt.task.task, Bucket()).put(attempt)

    def remove(self, attempt: Attempt) -> None:
        """Take an attempt out, if it waits."""
        queue, task = attempt.task.queue, attempt.task.task
        bucket = self.bucket(queue, task)
        if bucket is None:
            return
        bucket.remove(attempt)
        if not len(bucket):
            del self.buckets[queue][task]
            if not self.buckets[queue]:
                del self.buckets[queue]

    def bucket(self, queue: str, task: str) -> Bucket | None:
        """Return the bucket of a task; None when nothing waits for it."""
        return self.buckets.get(queue, {}).get(task)
