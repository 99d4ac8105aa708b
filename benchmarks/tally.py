"""What the client has seen of each workflow: latencies, what is lost, what came twice. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable

from headrace.contracts.message import Message
from headrace.contracts.task_events import TaskSucceeded
from headrace.contracts.timer_events import TimerStarted
from headrace.contracts.workflow_events import (
    WorkflowCancelled,
    WorkflowFailed,
    WorkflowStarted,
    WorkflowSucceeded,
    WorkflowTerminated,
    WorkflowTimedOut,
)

FINAL = (WorkflowSucceeded, WorkflowFailed, WorkflowCancelled, WorkflowTerminated, WorkflowTimedOut)
# What was seen of a workflow is one number, a bit for each thing that may happen once: these, then one for each step.
_STARTED, _ENDED, _PARKED, _FIRST_STEP = 0, 1, 2, 3


class Tally:
    """Follows the workflows of one run. Times are `time.perf_counter()` in seconds."""

    def __init__(self) -> None:
        self.started: dict[str, float] = {}
        self.ended: dict[str, float] = {}
        self.failed: set[str] = set()
        self.parked = 0
        """How many open ones wait for a timer."""
        self.steps = 0
        """How many tasks have ended."""
        self.duplicated = 0
        self._disturbed_at: float | None = None
        self._disturbed_at_ms = 0
        self._last_due_at = 0
        self._reigns: set[tuple[int, int]] = set()
        self._back_at: dict[int, float] = {}
        self._seen: dict[str, int] = {}

    def start(self, workflow_id: str, now: float) -> None:
        """Note the produce call of a start command."""
        self.started[workflow_id] = now
        self._seen[workflow_id] = 0

    def disturb(self, now: float, now_ms: int) -> None:
        """Note that the decision service is killed now, which is also given in ms since the epoch."""
        self._disturbed_at = now
        self._disturbed_at_ms = now_ms

    def see(self, events: Iterable[Message], now: float, reign: tuple[int, int] = (0, 0)) -> list[str]:
        """Take in the events of an accepted record, and return the ids of the workflows that have ended by it.

        `reign` is the partition and the epoch of the record.
        """
        ended = []
        for event in events:
            if isinstance(event, TaskSucceeded):
                self.steps += self._once(event.workflow_id, _FIRST_STEP + event.step)
            elif isinstance(event, WorkflowStarted):
                self._once(event.workflow_id, _STARTED)
            elif isinstance(event, TimerStarted):
                self._see_timer(event)
            elif isinstance(event, FINAL) and self._once(event.workflow_id, _ENDED):
                self.ended[event.workflow_id] = now
                self.parked -= self._seen[event.workflow_id] >> _PARKED & 1
                ended.append(event.workflow_id)
                if not isinstance(event, WorkflowSucceeded):
                    self.failed.add(event.workflow_id)
        self._note_reign(reign, now)
        return ended

    def _see_timer(self, event: TimerStarted) -> None:
        if self._once(event.workflow_id, _PARKED):
            self.parked += 1
            self._last_due_at = max(self._last_due_at, event.due_at)

    def _note_reign(self, reign: tuple[int, int], now: float) -> None:
        if self._disturbed_at is None:
            self._reigns.add(reign)
        elif reign not in self._reigns:
            self._back_at.setdefault(reign[0], now)

    def _once(self, workflow_id: str, bit: int) -> bool:
        """Tell whether this is news; what is not is counted. Workflows of other runs do not count."""
        seen = self._seen.get(workflow_id)
        if seen is None:
            return False
        if seen >> bit & 1:
            self.duplicated += 1
            return False
        self._seen[workflow_id] = seen | 1 << bit
        return True

    @property
    def lost(self) -> int:
        """How many of those that were started have not succeeded."""
        return len(self.started) - len(self.ended) + len(self.failed)

    @property
    def open(self) -> int:
        """How many have not ended."""
        return len(self.started) - len(self.ended)

    @property
    def in_flight(self) -> int:
        """How many are at work: open and not parked."""
        return self.open - self.parked

    @property
    def caught_up_s(self) -> float | None:
        """From the kill until every shard that has ever decided decides again; None without a kill, or if one does not.

        A shard begins to decide what is new after it has caught up with what waited.
        """
        if self._disturbed_at is None or self._back_at.keys() < {partition for partition, _ in self._reigns}:
            return None
        return max(self._back_at.values(), default=self._disturbed_at) - self._disturbed_at

    @property
    def last_due_s(self) -> float:
        """From the kill until the last timer falls due: recovery cannot be shorter."""
        return (self._last_due_at - self._disturbed_at_ms) / 1000

    @property
    def recovery_s(self) -> float | None:
        """From the kill until the last open workflow has ended; None without a kill, or if one has not."""
        if self._disturbed_at is None or self.open:
            return None
        return max(self.ended.values(), default=self._disturbed_at) - self._disturbed_at

    def latencies_ms(self) -> list[float]:
        """From the produce call to the final event, sorted."""
        return sorted((end - self.started[workflow_id]) * 1000 for workflow_id, end in self.ended.items())

    def seconds(self) -> float:
        """From the first produce call to the last final event."""
        return max(self.ended.values(), default=0.0) - min(self.started.values(), default=0.0)


def percentile(ordered: list[float], share: float) -> float | None:
    """Return the smallest value that is not below `share` (0 to 1) of all; None of nothing. `ordered` is sorted."""
    return ordered[max(math.ceil(share * len(ordered)), 1) - 1] if ordered else None
