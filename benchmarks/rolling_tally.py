"""What the journals say of a queue while everything is restarted: its stall, and what went wrong. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from headrace.contracts.dispatch_events import AttemptLost, TaskAssigned, TaskRequeued
from headrace.contracts.message import Message
from headrace.contracts.task_events import TaskFailed, TaskScheduled, TaskSucceeded, TaskTimedOut
from headrace.contracts.worker_events import WorkerJoined, WorkerLeft, WorkerLost
from headrace.contracts.workflow_events import WorkflowSucceeded

Attempt = tuple[str, int, int]


@dataclass(slots=True)
class RollingTally:
    """Follows one queue. Times are ms since the epoch, of this machine's clock.

    Attributes:
        assigned: when tasks were given to workers, by the dispatcher's clock.
        started: when tasks began, by their workers' clocks.
        ended: the same for their ends.
        waits: pairs of that time and how long the task had been ready by then.
        joined: the process ids of each worker, in the order of their hellos.
        left: how many workers have gone politely.
    """

    assigned: list[int] = field(default_factory=list)
    started: list[int] = field(default_factory=list)
    ended: list[int] = field(default_factory=list)
    waits: list[tuple[int, int]] = field(default_factory=list)
    joined: dict[str, list[int]] = field(default_factory=dict)
    left: int = 0
    requeued: dict[str, int] = field(default_factory=dict)
    workers_lost: int = 0
    succeeded: dict[Attempt, int] = field(default_factory=dict)
    failed: int = 0
    retried: int = 0
    workflows: set[str] = field(default_factory=set)
    _ready: dict[Attempt, int] = field(default_factory=dict)

    def see(self, events: Iterable[Message]) -> None:
        """Take in the events of an accepted record of either journal."""
        for event in events:
            match event:
                case TaskScheduled():
                    self._ready[_attempt(event)] = event.at
                    self.retried += event.attempt > 1
                case TaskAssigned():
                    self._assigned(event)
                case TaskSucceeded():
                    self.started.append(event.started_at)
                    self.ended.append(event.ended_at)
                    self.succeeded[_attempt(event)] = self.succeeded.get(_attempt(event), 0) + 1
                case TaskFailed() | TaskTimedOut() | AttemptLost():
                    self.failed += 1
                case TaskRequeued():
                    self._ready[event.run_id, event.step, event.attempt] = event.at
                    self.requeued[event.reason] = self.requeued.get(event.reason, 0) + 1
                case WorkerJoined():
                    self.joined.setdefault(event.worker, []).append(event.pid)
                case WorkerLeft():
                    self.left += 1
                case WorkerLost():
                    self.workers_lost += 1
                case WorkflowSucceeded():
                    self.workflows.add(event.workflow_id)

    def _assigned(self, event: TaskAssigned) -> None:
        self.assigned.append(event.at)
        # The two journals are read side by side: an assignment may come before what it is of, and carries that.
        ready_at = self._ready.pop(_attempt(event.task), event.task.at)
        self.waits.append((event.at, event.at - ready_at))

    @property
    def doubled(self) -> int:
        """Return how many successes an attempt had beyond its first."""
        return sum(self.succeeded.values()) - len(self.succeeded)

    def stall(self, begin_ms: int, end_ms: int) -> dict[str, int]:
        """Return the longest times, in ms, in which nothing of the queue happened, of those with their middle in an
        interval; and the longest wait of a task that was given to a worker in it.
        """
        waited = [wait for at, wait in self.waits if begin_ms <= at <= end_ms]
        return {
            "assigned_gap_ms": longest_gap(self.assigned, begin_ms, end_ms),
            "started_gap_ms": longest_gap(self.started, begin_ms, end_ms),
            "ended_gap_ms": longest_gap(self.ended, begin_ms, end_ms),
            "longest_wait_ms": max(waited, default=0),
        }


def longest_gap(times: Iterable[int], begin_ms: int, end_ms: int) -> int:
    """Return the longest time between two neighbours whose middle lies in an interval; the times need no order."""
    gaps = [late - early for early, late in pairwise(sorted(times)) if begin_ms <= (early + late) / 2 < end_ms]
    return max(gaps, default=0)


def _attempt(event: TaskScheduled | TaskSucceeded) -> Attempt:
    return event.run_id, event.step, event.attempt
