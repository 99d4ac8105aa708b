"""Schedules in memory: months of them in a moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from headrace.client.schedules import Moment, ScheduleControl
from headrace.client.sending import WorkflowCommand
from headrace.contracts.schedule_events import ScheduleFired, ScheduleSkipped
from headrace.contracts.wait_events import CommandRefused
from headrace.engine.budget import BudgetPort
from headrace.runtime.settings import Settings
from headrace.testing.failures import Failures
from headrace.testing.live import EPOCH_2024_MS, InMemory, WorkflowRun, in_memory, result_of
from headrace.testing.system import InMemorySystem


class ScheduledRun(msgspec.Struct, frozen=True, kw_only=True):
    """One start: the workflow's id, the time that it stands for, what made it (time, trigger or backfill), and how the
    workflow went.
    """

    workflow_id: str
    scheduled_at: datetime
    cause: str
    result: WorkflowRun


class ScheduleRefused(Exception):
    """A command to the schedule was refused. `error` is the name of the refusal."""

    def __init__(self, refusal: CommandRefused) -> None:
        super().__init__(f"{refusal.error}: {refusal.cause}")
        self.error = refusal.error


class LiveSchedule(InMemory):
    """A schedule of a test. Every method goes on until nothing is left to do without time passing.

    Use it in a `with` block, or call `close`: the budget that watches user code has a thread.
    """

    def __init__(
        self,
        definition: Any,
        tasks: Mapping[str, Callable[..., Any]] | None = None,
        *,
        schedule_id: str = "test",
        children: Mapping[str, Any] | None = None,
        failures: Failures = (),
        now_ms: int = EPOCH_2024_MS,
        budget: BudgetPort | None = None,
        **options: Any,
    ) -> None:
        """`options` are those of `Client.set_schedule`: `cron`, `every`, `timezone`, `overlap`, `input` and so on."""
        self.schedule_id = schedule_id
        self._exits = ExitStack()
        name, self._system = in_memory(
            definition, tasks, children=children, failures=failures, now_ms=now_ms, budget=budget, exits=self._exits
        )
        self._control = _Control(self._system)
        self._name = name
        self.set(**options)

    @property
    def runs(self) -> list[ScheduledRun]:
        """What the schedule has started, in order."""
        return [
            ScheduledRun(
                workflow_id=event.workflow_id,
                scheduled_at=_time(event.scheduled_at),
                cause=event.cause,
                result=result_of(self._system, event.workflow_id),
            )
            for event in self.events
            if isinstance(event, ScheduleFired)
        ]

    @property
    def skipped(self) -> list[tuple[datetime, str]]:
        """Times from which on starts were passed over, and why."""
        return [(_time(event.first_at), event.reason) for event in self.events if isinstance(event, ScheduleSkipped)]

    def advance(self, duration: str | timedelta) -> list[ScheduledRun]:
        """Let time pass: `"30d"`, `"1h30m"` or a `timedelta`. What falls due on the way happens at its time."""
        self._pass(duration)
        return self.runs

    def set(self, **options: Any) -> None:
        """Change the schedule; raises `ScheduleRefused` or `InvalidStart` where it does not fit."""
        self._control.set_schedule(self.schedule_id, self._name, **options)

    def pause(self, reason: str = "") -> None:
        """Start nothing by itself."""
        self._control.pause_schedule(self.schedule_id, reason)

    def resume(self, reason: str = "") -> None:
        """Go on with the next time."""
        self._control.resume_schedule(self.schedule_id, reason)

    def trigger(self, *, overlap: str = "") -> None:
        """Start one now."""
        self._control.trigger_schedule(self.schedule_id, overlap=overlap)

    def backfill(self, start: Moment, end: Moment, *, overlap: str = "queue") -> None:
        """Start a range of the past."""
        self._control.backfill_schedule(self.schedule_id, start, end, overlap=overlap)

    def delete(self) -> None:
        """Delete the schedule."""
        self._control.delete_schedule(self.schedule_id)


def run_schedule(definition: Any, duration: str | timedelta, **options: Any) -> list[ScheduledRun]:
    """Let a schedule of a workflow go on for some time, and return what it has started.

    `options` are those of `start_schedule`.
    """
    with start_schedule(definition, **options) as schedule:
        return schedule.advance(duration)


def start_schedule(
    definition: Any,
    tasks: Mapping[str, Callable[..., Any]] | None = None,
    *,
    schedule_id: str = "test",
    children: Mapping[str, Any] | None = None,
    failures: Failures = (),
    now_ms: int = EPOCH_2024_MS,
    budget: BudgetPort | None = None,
    **options: Any,
) -> LiveSchedule:
    """Set a schedule that the test takes on by itself. Arguments as `run_workflow`, and those of `Client.set_schedule`.

    Use it as `with start_schedule(...) as schedule:`.
    """
    return LiveSchedule(
        definition,
        tasks,
        schedule_id=schedule_id,
        children=children,
        failures=failures,
        now_ms=now_ms,
        budget=budget,
        **options,
    )


class _Control(ScheduleControl[None]):
    """Sends to a system in memory, and says at once where a command was refused."""

    def __init__(self, system: InMemorySystem) -> None:
        self.settings = Settings()
        self._system = system

    def send(self, command: WorkflowCommand, *, wait: bool = False) -> None:
        known = len(self._system.events)
        self._system.send(command)
        self._system.run(self._system.now_ms)
        for event in self._system.events[known:]:
            if isinstance(event, CommandRefused) and event.command_id == command.command_id:
                raise ScheduleRefused(event)


def _time(time_ms: int) -> datetime:
    return datetime.fromtimestamp(time_ms / 1000, UTC)
