"""What the client has seen of each workflow: latencies, what is lost, what came twice. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable

from headrace.contracts.message import Message
from headrace.contracts.task_events import TaskSucceeded
from headrace.contracts.workflow_events import (
    WorkflowCancelled,
    WorkflowFailed,
    WorkflowStarted,
    WorkflowSucceeded,
    WorkflowTerminated,
    WorkflowTimedOut,
)

FINAL = (WorkflowSucceeded, WorkflowFailed, WorkflowCancelled, WorkflowTerminated, WorkflowTimedOut)


class Tally:
    """Follows the workflows of one run. Times are `time.perf_counter()` in seconds."""

    def __init__(self) -> None:
        self.started: dict[str, float] = {}
        self.ended: dict[str, float] = {}
        self.failed: set[str] = set()
        self.duplicated = 0
        self.recovery_s: float | None = None
        self._disturbed_at: float | None = None
        self._reigns: set[tuple[int, int]] = set()
        self._seen: set[tuple[str, int]] = set()

    def start(self, workflow_id: str, now: float) -> None:
        """Note the produce call of a start command."""
        self.started[workflow_id] = now

    def disturb(self, now: float) -> None:
        """Note that a service is killed now: recovery lasts until a reign that is new by then ends a workflow."""
        self._disturbed_at = now

    def see(self, events: Iterable[Message], now: float, reign: tuple[int, int] = (0, 0)) -> list[str]:
        """Take in the events of an accepted record, and return the ids of the workflows that have ended by it.

        `reign` is the partition and the epoch of the record.
        """
        ended = []
        for event in events:
            if isinstance(event, TaskSucceeded):
                self._once(event.workflow_id, event.step)
            elif isinstance(event, WorkflowStarted):
                self._once(event.workflow_id, -1)
            elif isinstance(event, FINAL) and self._once(event.workflow_id, -2):
                self.ended[event.workflow_id] = now
                ended.append(event.workflow_id)
                if not isinstance(event, WorkflowSucceeded):
                    self.failed.add(event.workflow_id)
        self._note_reign(reign, now, has_ended=bool(ended))
        return ended

    def _note_reign(self, reign: tuple[int, int], now: float, *, has_ended: bool) -> None:
        if self._disturbed_at is None:
            self._reigns.add(reign)
        elif has_ended and self.recovery_s is None and reign not in self._reigns:
            self.recovery_s = now - self._disturbed_at

    def _once(self, workflow_id: str, what: int) -> bool:
        """Tell whether this is news; what is not is counted. Workflows of other runs do not count."""
        if workflow_id not in self.started:
            return False
        if (workflow_id, what) in self._seen:
            self.duplicated += 1
            return False
        self._seen.add((workflow_id, what))
        return True

    @property
    def lost(self) -> int:
        """How many of those that were started have not succeeded."""
        return len(self.started) - len(self.ended) + len(self.failed)

    @property
    def in_flight(self) -> int:
        """How many are open."""
        return len(self.started) - len(self.ended)

    def latencies_ms(self) -> list[float]:
        """From the produce call to the final event, sorted."""
        return sorted((end - self.started[workflow_id]) * 1000 for workflow_id, end in self.ended.items())

    def seconds(self) -> float:
        """From the first produce call to the last final event."""
        return max(self.ended.values(), default=0.0) - min(self.started.values(), default=0.0)


def percentile(ordered: list[float], share: float) -> float | None:
    """Return the smallest value that is not below `share` (0 to 1) of all; None of nothing. `ordered` is sorted."""
    return ordered[max(math.ceil(share * len(ordered)), 1) - 1] if ordered else None
