"""A decision shard with schedules: what it sends to itself is heard at once, and time goes on as a test says."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from headrace.contracts import schedule_commands as c
from headrace.contracts.message import Message
from headrace.contracts.schedule_events import ScheduleFired, ScheduleSkipped, ScheduleSpec
from headrace.contracts.task_events import TaskScheduled
from headrace.engine.context import Limits
from headrace.engine.kernel.outcomes import Cancelled
from tests.unit.engine.decision_shard import DecisionShard
from tests.unit.engine.workflows import CHAIN

HOUR = 3_600_000
DAY = 24 * HOUR


def ms(text: str) -> int:
    """Return a time, given in ISO 8601 with its zone, in ms since the epoch."""
    return int(datetime.fromisoformat(text).timestamp() * 1000)


async def stubborn(ctx: Any) -> None:
    """Clean up after a request to end, for as long as task `two` takes."""
    try:
        await ctx.run("one")
    except Cancelled:
        await ctx.run("two")


START = ms("2026-11-21T10:30:00+00:00")


def hourly(**fields: Any) -> ScheduleSpec:
    """Return a schedule of `chain` for every hour, with other fields as given."""
    return ScheduleSpec(**{"cron": "0 * * * *", "name": "chain", "input": b'{"x": 1}', **fields})


class Scheduling:
    """One shard; `events` is all that it has decided."""

    def __init__(self, *, forgetful: bool = False, limits: Limits | None = None, now_ms: int = START) -> None:
        self.shard = DecisionShard(CHAIN, stubborn, forgetful=forgetful, limits=limits)
        self.shard.now_ms = now_ms
        self.events: list[Message] = []
        self._commands = 0

    def set(self, spec: ScheduleSpec, schedule_id: str = "s", **fields: Any) -> list[Message]:
        """Make or change a schedule."""
        return self.send(c.SetSchedule, schedule_id, spec=spec, **fields)

    def send(self, kind: type[Message], schedule_id: str = "s", **fields: Any) -> list[Message]:
        """Send a command to a schedule, under an id of its own unless one is given."""
        self._commands += 1
        ids = {"command_id": f"c{self._commands}", "workflow_id": schedule_id, "issued_at": 0}
        return self._settle(self.shard.command(kind(**{**ids, **fields})))

    def until(self, now_ms: int) -> list[Message]:
        """Let time come, timer by timer, and return what was decided meanwhile."""
        found: list[Message] = []
        while (due := self.shard.decider.due_at(self.shard.state)) is not None and due <= now_ms:
            found += self._settle(self.shard.tick(max(due, self.shard.now_ms)))
        self.shard.now_ms = now_ms
        return found

    def late(self, now_ms: int) -> list[Message]:
        """Let time come all at once, as after an outage, and return what was decided then."""
        self.shard.now_ms = now_ms
        return self.until(now_ms)

    def end(self, workflow_id: str) -> list[Message]:
        """Let the tasks of a workflow succeed, until it ends."""
        found: list[Message] = []
        while workflow_id in self.shard.state.runs:
            tasks = [
                event for event in self.events if isinstance(event, TaskScheduled) and event.workflow_id == workflow_id
            ]
            found += self._settle(self.shard.complete(tasks[-1], {}))
        return found

    def schedule(self, schedule_id: str = "s") -> Any:
        """Return a schedule as the state has it."""
        return self.shard.state.schedules.get(schedule_id)

    def _settle(self, events: list[Message]) -> list[Message]:
        found: list[Message] = []
        while events:
            found += events
            self.events += events
            to_self = [event for event in events if "d0" in self.shard.decider.addressees(event)]
            events = self.shard.hear(*to_self) if to_self else []
        return found


def fired(events: list[Message]) -> list[str]:
    """Return the ids of the workflows that schedules have started."""
    return [event.workflow_id for event in events if isinstance(event, ScheduleFired)]


def skipped(events: list[Message]) -> list[tuple[str, int]]:
    """Return why times were passed over, and how many hours."""
    return [
        (event.reason, (event.until_at - event.first_at) // HOUR)
        for event in events
        if isinstance(event, ScheduleSkipped)
    ]
