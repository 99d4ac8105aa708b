"""Schedules as entries of a snapshot, and back.

t/SCHEDULE   a schedule
k            the commands that were accepted last
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from headrace.contracts.schedule_events import ScheduleSpec
from headrace.engine.schedules.schedule import Backfill, Schedule, Waiting
from headrace.engine.schedules.schedules import Schedules
from headrace.shard.entries import Entry, pack, unpacker

PREFIX = "t/"
COMMANDS = "k"


class PackedSpec(msgspec.Struct, array_like=True):
    """`ScheduleSpec`."""

    cron: str
    timezone: str
    every_ms: int
    offset_ms: int
    jitter_ms: int
    overlap: str
    catch_up_ms: int
    name: str
    version: str
    input: bytes
    content_type: str
    key: str


class ScheduleEntry(Entry, array_like=True, kw_only=True):
    """`Schedule`."""

    schedule_id: str
    generation: str
    spec: PackedSpec
    paused: bool
    next_at: int
    due_at: int
    running: dict[str, bool]
    waiting: list[Waiting]
    backfills: list[Backfill]


class CommandsEntry(Entry, array_like=True, kw_only=True):
    """`SeenCommands`."""

    digests: list[tuple[bytes, int]]
    forgotten_before: int


_schedule = unpacker(ScheduleEntry)
_commands = unpacker(CommandsEntry)


def schedule_changes(schedules: Schedules) -> Iterator[tuple[str, bytes | None]]:
    """Yield what has changed since the last time, and forget it."""
    for schedule_id, value in schedules.changed.take(lambda schedule_id: _packed(schedules.get(schedule_id))):
        yield PREFIX + schedule_id, value
    seen = schedules.commands
    if seen.changed:
        seen.changed = False
        yield COMMANDS, pack(CommandsEntry(digests=list(seen.digests.items()), forgotten_before=seen.forgotten_before))


def restore_schedules(schedules: Schedules, key: str, value: bytes) -> None:
    """Take in an entry of a snapshot. Raises ValueError for what this code cannot read."""
    if key == COMMANDS:
        seen = _commands(key, value)
        schedules.commands.digests = dict(seen.digests)
        schedules.commands.forgotten_before = seen.forgotten_before
        return
    entry = _schedule(key, value)
    fields = {name: getattr(entry, name) for name in Schedule.__struct_fields__ if name != "spec"}
    schedules.restore(Schedule(spec=ScheduleSpec(**msgspec.structs.asdict(entry.spec)), **fields))


def _packed(schedule: Schedule | None) -> bytes | None:
    if schedule is None:
        return None
    fields = {name: getattr(schedule, name) for name in Schedule.__struct_fields__ if name != "spec"}
    return pack(ScheduleEntry(spec=PackedSpec(*msgspec.structs.astuple(schedule.spec)), **fields))
