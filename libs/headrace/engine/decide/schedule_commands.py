"""Commands to a schedule: set, delete, pause, resume, trigger, backfill."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, takewhile
from typing import Any

import msgspec

from headrace.contracts import schedule_commands as c
from headrace.contracts.message import Message
from headrace.contracts.schedule_events import (
    ScheduleBackfillStarted,
    ScheduleDeleted,
    SchedulePaused,
    ScheduleResumed,
    ScheduleSet,
    ScheduleSpec,
)
from headrace.contracts.wait_events import CommandRefused
from headrace.engine.context import Context
from headrace.engine.decide.schedule_times import (
    OVERLAP,
    QUEUE_FULL,
    TOO_MANY_RUNNING,
    fired,
    proceed,
    queued,
    waiting_ids,
)
from headrace.engine.identity import command_digest
from headrace.engine.schedules import times
from headrace.engine.schedules.check import (
    BACKFILL_OVERLAPS,
    InvalidSchedule,
    NeverFires,
    check_overlap,
    check_schedule,
    cron_fields,
)
from headrace.engine.schedules.schedule import TRIGGER, Schedule
from headrace.engine.state import ShardState
from headrace.shard.decider import Input


class _Refusal(Exception):
    """Inside this file only: the command is refused with this error and cause."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(cause)
        self.error = error
        self.cause = cause


def decide_schedule_command(
    context: Context, state: ShardState, command: c.ScheduleCommand, item: Input, position: str, now_ms: int
) -> Iterator[Message]:
    """Decide a command. Redelivery of one that was accepted changes nothing. `position` is the input's."""
    if command_digest(command.command_id) in state.schedules.commands:
        return
    try:
        if item.at < state.schedules.commands.forgotten_before:
            raise _Refusal(
                "headrace.CommandTooOld",
                f"Expected a command that was logged at {state.schedules.commands.forgotten_before} (ms since the "
                f"epoch) or later, since older ones are no longer remembered, but it was at {item.at}; send it again",
            )
        yield from _decide(context, state, command, position, now_ms)
    except (_Refusal, InvalidSchedule) as refusal:
        yield CommandRefused(
            workflow_id=command.workflow_id,
            command_id=command.command_id,
            command=command.type_name(),
            error=_error(refusal),
            cause=context.cut(str(refusal)),
            at=now_ms,
        )
        return
    schedule = state.schedules.get(command.workflow_id)
    if schedule is not None:
        yield from proceed(context, schedule, now_ms)


def _error(refusal: _Refusal | InvalidSchedule) -> str:
    if isinstance(refusal, _Refusal):
        return refusal.error
    return "headrace.NeverFires" if isinstance(refusal, NeverFires) else "headrace.InvalidSchedule"


def _decide(
    context: Context, state: ShardState, command: c.ScheduleCommand, position: str, now_ms: int
) -> Iterator[Message]:
    if isinstance(command, c.SetSchedule):
        yield _set(context, state, command, position, now_ms)
        return
    schedule = state.schedules.get(command.workflow_id)
    if schedule is None:
        raise _Refusal("headrace.NotFound", f"Expected a schedule {command.workflow_id}, but there is none")
    ids = {"schedule_id": schedule.schedule_id, "generation": schedule.generation, "command_id": command.command_id}
    match command:
        case c.DeleteSchedule():
            yield ScheduleDeleted(**ids, gives_up=waiting_ids(schedule), at=now_ms)
        case c.PauseSchedule():
            yield SchedulePaused(**ids, reason=context.cut(command.reason), at=now_ms)
        case c.ResumeSchedule():
            # What passed while it was paused is not made up for.
            next_at = times.next_after(schedule.spec, now_ms) if schedule.paused else schedule.next_at
            due_at = times.due_at(schedule.schedule_id, schedule.spec, next_at)
            reason = context.cut(command.reason)
            yield ScheduleResumed(**ids, reason=reason, next_at=next_at, due_at=due_at, at=now_ms)
        case c.TriggerSchedule():
            yield from _trigger(context, schedule, command, now_ms)
        case c.BackfillSchedule():
            yield _backfill(context, schedule, command, now_ms)


def _set(context: Context, state: ShardState, command: c.SetSchedule, position: str, now_ms: int) -> ScheduleSet:
    limits = context.limits
    spec = msgspec.structs.replace(command.spec, cron=cron_fields(command.spec.cron))
    check_schedule(command.workflow_id, spec, now_ms, limits.schedule_input_bytes)
    definitions = context.activations.definitions
    known = definitions.get(spec.name, spec.version) if spec.version else definitions.latest(spec.name)
    if known is None:
        wanted = f"{spec.name}@{spec.version}" if spec.version else spec.name
        raise _Refusal(
            "headrace.UnknownDefinition", f"Expected a deployed workflow, but {wanted} is not known; deploy it first"
        )
    before = state.schedules.get(command.workflow_id)
    if before is None and len(state.schedules) >= limits.schedules:
        raise _Refusal(
            "headrace.TooManySchedules",
            f"Expected at most {limits.schedules} schedules on a shard, but there are as many; delete some, or raise "
            "HEADRACE_DECISION_SCHEDULES",
        )
    # With the same times, one that is due is still due.
    keeps = before is not None and _times(before.spec) == _times(spec)
    next_at = before.next_at if before is not None and keeps else times.next_after(spec, now_ms)
    return ScheduleSet(
        schedule_id=command.workflow_id,
        generation=before.generation if before is not None else position,
        command_id=command.command_id,
        spec=spec,
        paused=before.paused if before is not None else command.paused,
        next_at=next_at,
        due_at=times.due_at(command.workflow_id, spec, next_at),
        at=now_ms,
    )


def _times(spec: ScheduleSpec) -> tuple[str, str, int, int]:
    return spec.cron, spec.timezone, spec.every_ms, spec.offset_ms


def _trigger(context: Context, schedule: Schedule, command: c.TriggerSchedule, now_ms: int) -> Iterator[Message]:
    """Start now, or as the overlap policy has it while something runs."""
    overlap = command.overlap or schedule.spec.overlap
    check_overlap(overlap)
    ids: dict[str, Any] = {"cause": TRIGGER, "command_id": command.command_id}
    found = f"but {len(schedule.running)} run and {len(schedule.waiting)} wait"
    if overlap == "allow" or not schedule.busy:
        if len(schedule.running) >= context.limits.schedule_running:
            raise _Refusal(TOO_MANY_RUNNING, f"Expected room for another run of {schedule.schedule_id}, {found}")
        yield fired(context, schedule, now_ms, now_ms, **ids)
    elif overlap == "skip":
        raise _Refusal(
            OVERLAP,
            f"Expected nothing of schedule {schedule.schedule_id} to run, {found}; wait, or trigger it with another "
            "overlap policy (queue, cancel or allow)",
        )
    elif overlap == "queue" and len(schedule.waiting) >= context.limits.schedule_waiting:
        raise _Refusal(QUEUE_FULL, f"Expected room in the queue of {schedule.schedule_id}, {found}; wait for some")
    else:
        yield from queued(context, schedule, now_ms, now_ms, overlap=overlap, **ids)


def _backfill(
    context: Context, schedule: Schedule, command: c.BackfillSchedule, now_ms: int
) -> ScheduleBackfillStarted:
    limits = context.limits
    check_overlap(command.overlap, BACKFILL_OVERLAPS)
    until_at = min(command.until_at, now_ms)
    if not 0 < command.from_at < until_at:
        raise InvalidSchedule(
            f"Expected a range of the past, but found {command.from_at} to {command.until_at} (ms since the epoch)"
        )
    if len(schedule.backfills) >= limits.schedule_backfills:
        raise _Refusal(
            "headrace.TooManyBackfills",
            f"Expected at most {limits.schedule_backfills} backfills of a schedule, but so many are under way; wait",
        )
    most = limits.schedule_backfill_times
    inside = takewhile(lambda time_ms: time_ms < until_at, times.times_after(schedule.spec, command.from_at - 1))
    found = list(islice(inside, most + 1))
    if not found:
        raise InvalidSchedule(
            f"Expected a range with a time of schedule {schedule.schedule_id} in it, but there is none; widen it"
        )
    if len(found) > most:
        raise InvalidSchedule(
            f"Expected at most {most} times in a backfill, but the range has more; backfill it in parts"
        )
    return ScheduleBackfillStarted(
        schedule_id=schedule.schedule_id,
        generation=schedule.generation,
        command_id=command.command_id,
        from_at=command.from_at,
        until_at=until_at,
        overlap=command.overlap,
        first_at=found[0],
        at=now_ms,
    )
