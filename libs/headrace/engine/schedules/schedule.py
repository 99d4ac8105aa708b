"""One schedule, as the fold makes it."""

from __future__ import annotations

import msgspec

from headrace.contracts.references import ParentRef
from headrace.contracts.schedule_events import ScheduleSpec

SCHEDULE = -1
"""The step of a parent that is a schedule: its workflow id is the schedule's id, its run id the generation."""

AT_ONCE = 1
"""A time that has always come, in ms since the epoch."""

TIME = "time"
TRIGGER = "trigger"
BACKFILL = "backfill"


class Waiting(msgspec.Struct, frozen=True, array_like=True):
    """A start that waits until nothing runs any more: what made it, the time that it stands for, and its command."""

    cause: str
    scheduled_at: int
    command_id: str = ""


class Backfill(msgspec.Struct, array_like=True):
    """A range of the past that is being started. `next_at` is its next time, in ms since the epoch."""

    next_at: int
    until_at: int
    overlap: str
    command_id: str = ""


class Schedule(msgspec.Struct, kw_only=True):
    """A schedule. `running` are the workflows that it started and whose end it does not know of; True: asked to end."""

    schedule_id: str
    generation: str
    spec: ScheduleSpec
    paused: bool = False
    next_at: int = 0
    due_at: int = 0
    running: dict[str, bool] = {}
    waiting: list[Waiting] = []
    backfills: list[Backfill] = []

    @property
    def busy(self) -> bool:
        """Tell whether something that it started runs, or is about to."""
        return bool(self.running or self.waiting)

    def may_start(self, running_limit: int) -> bool:
        """Tell whether something that waits may start now."""
        if self.waiting:
            return not self.running
        if self.backfills:
            return len(self.running) < (running_limit if self.backfills[0].overlap == "allow" else 1)
        return False

    def wakes_at(self, running_limit: int) -> int | None:
        """Return when there is something to do, in ms since the epoch: AT_ONCE, or None for never."""
        if self.paused:
            return None
        if self.may_start(running_limit):
            return AT_ONCE
        return self.due_at if self.next_at else None


def parent_of(schedule_id: str, generation: str) -> ParentRef:
    """Return how a workflow that a schedule starts points at it."""
    return ParentRef(workflow_id=schedule_id, run_id=generation, step=SCHEDULE, depth=0)


def is_schedule(parent: ParentRef) -> bool:
    """Tell whether a parent is a schedule."""
    return parent.step == SCHEDULE
