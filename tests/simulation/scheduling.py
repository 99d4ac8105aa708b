"""Those who set schedules, and change, pause, trigger, backfill and delete them."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import msgspec

from headrace.contracts import schedule_commands as c
from headrace.contracts.message import Message
from headrace.contracts.schedule_events import ScheduleSpec
from tests.simulation.workflows.scripts import NAME, random_plan

if TYPE_CHECKING:
    from tests.simulation.world import World

STEERS = 12
"""Commands to each schedule, about, before everything heals."""


class Schedulers:
    """They draw from a chance of their own: a world without schedules is as if there were none."""

    def __init__(self, world: World, random: Random) -> None:
        self._world = world
        self._random = random
        self._ids: list[str] = []

    def act(self) -> None:
        """Now and then, set a schedule or steer one."""
        shape, random = self._world.shape, self._random
        if not shape.schedules or random.random() > STEERS * shape.schedules / shape.actions:
            return
        if len(self._ids) < shape.schedules:
            self._ids.append(f"s{len(self._ids)}")
            self._set(self._ids[-1])
            return
        steer = random.choice((self._set, self._pause, self._resume, self._trigger, self._trigger, self._backfill))
        if random.random() < 0.05:
            steer = self._delete
        steer(random.choice(self._ids))

    def stop(self) -> None:
        """Delete all schedules, so that everything can come to rest."""
        for schedule_id in self._ids:
            self._delete(schedule_id)

    def _set(self, schedule_id: str) -> None:
        random, world = self._random, self._world
        names = [name for name in world.documents if "trap" not in world.documents[name]["tasks"]] + [NAME]
        name = random.choice(names)
        payload: dict[str, Any] = {"n": random.randint(0, 10**6)}
        if name == NAME:
            payload["plan"] = random_plan(random, world.shape.tasks)
        else:
            payload["items"] = ["a", "b"]
        every_ms = random.choice((1_000, 2_000, 5_000))
        spec = ScheduleSpec(
            every_ms=every_ms,
            offset_ms=random.choice((0, every_ms // 2 // 1_000 * 1_000)),
            jitter_ms=random.choice((0, 0, 400)),
            overlap=random.choice(("skip", "queue", "cancel", "allow")),
            catch_up_ms=random.choice((10_000, 20_000)),
            name=name,
            input=msgspec.json.encode(payload),
        )
        self._send(c.SetSchedule, schedule_id, spec=spec, paused=random.random() < 0.1)

    def _pause(self, schedule_id: str) -> None:
        self._send(c.PauseSchedule, schedule_id, reason="lunch")

    def _resume(self, schedule_id: str) -> None:
        self._send(c.ResumeSchedule, schedule_id)

    def _trigger(self, schedule_id: str) -> None:
        overlap = self._random.choice(("", "", "allow", "queue", "cancel"))
        self._send(c.TriggerSchedule, schedule_id, overlap=overlap)

    def _backfill(self, schedule_id: str) -> None:
        now_ms, random = self._world.clock.now_ms(), self._random
        from_at = now_ms - random.choice((3_000, 20_000, 100_000))
        until_at = from_at + random.choice((2_000, 10_000))
        overlap = random.choice(("queue", "allow"))
        self._send(c.BackfillSchedule, schedule_id, from_at=from_at, until_at=until_at, overlap=overlap)

    def _delete(self, schedule_id: str) -> None:
        self._send(c.DeleteSchedule, schedule_id)

    def _send(self, kind: type[Message], schedule_id: str, **fields: Any) -> None:
        clients = self._world.clients
        self._world.note(f"{kind.type_name()} {schedule_id} {fields.get('overlap', '')}")
        command = kind(command_id=clients.new_id(), workflow_id=schedule_id, issued_at=0, **fields)
        clients.to_workflow(schedule_id, command)
