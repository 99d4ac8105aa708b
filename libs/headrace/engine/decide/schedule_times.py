"""What schedules start by themselves: times that have come, starts that have waited, backfills.

Each event says what the schedule's next time is, so that no replay computes one again: the tables of time zones change.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

from headrace.contracts.message import Message
from headrace.contracts.schedule_events import (
    ScheduleCancelRequested,
    ScheduleFired,
    SchedulePaused,
    ScheduleQueued,
    ScheduleSkipped,
)
from headrace.engine.context import Context
from headrace.engine.schedules import times
from headrace.engine.schedules.schedule import BACKFILL, TIME, TRIGGER, Schedule
from headrace.engine.state import ShardState

OVERLAP = "headrace.Overlap"
MISSED = "headrace.Missed"
QUEUE_FULL = "headrace.QueueFull"
SUPERSEDED = "headrace.Superseded"
TOO_MANY_RUNNING = "headrace.TooManyRunning"
_EVENT_BYTES = 1_000
"""What an event takes at most without its input: an id has 200 bytes."""


def due_at(state: ShardState) -> int | None:
    """Return when the first schedule has something to do, in ms since the epoch."""
    first = state.schedules.first()
    return first[0] if first is not None else None


def tick(context: Context, state: ShardState, now_ms: int) -> Iterator[Message]:
    """Yield what schedules do by now, a bounded number of schedules at once; the runtime asks again while some are
    left.
    """
    for _ in range(context.limits.timers_per_tick):
        first = state.schedules.first()
        if first is None or first[0] > now_ms or state.pending or context.room.left <= 0:
            return
        schedule = first[1]
        try:
            if not (yield from proceed(context, schedule, now_ms)):
                return
        except Exception as error:  # noqa: BLE001  the others are other people's schedules
            reason = f"headrace.DecisionFailed: {type(error).__name__}: {error}"
            yield SchedulePaused(**_who(schedule), reason=context.cut(reason), at=now_ms)


def proceed(context: Context, schedule: Schedule, now_ms: int) -> Generator[Message, None, bool]:
    """Yield what a schedule does by now, one start or passed-over range after the other; False when room ran out."""
    limit = context.limits.schedule_running
    for _ in range(context.limits.timers_per_tick):
        wakes_at = schedule.wakes_at(limit)
        if wakes_at is None or wakes_at > now_ms:
            return True
        if not context.has_room(len(schedule.spec.input) + _EVENT_BYTES):
            return False
        if schedule.next_at and schedule.due_at <= now_ms:
            yield from _time(context, schedule, now_ms)
        elif schedule.waiting:
            first = schedule.waiting[0]
            yield fired(context, schedule, first.scheduled_at, now_ms, cause=first.cause, command_id=first.command_id)
        else:
            yield from _backfill(context, schedule, now_ms)
    return True


def fired(  # noqa: PLR0913
    context: Context,
    schedule: Schedule,
    scheduled_at: int,
    now_ms: int,
    *,
    cause: str = TIME,
    command_id: str = "",
    next_at: int | None = None,
    backfill_next_at: int = 0,
) -> ScheduleFired:
    """Return the event that starts a workflow. `next_at` is the schedule's next time, where that changes."""
    spec = schedule.spec
    workflow_id = _workflow_id(schedule, cause, scheduled_at, command_id)
    return ScheduleFired(
        **_who(schedule),
        workflow_id=workflow_id,
        to_shard=context.shards.of_workflow(workflow_id),
        scheduled_at=scheduled_at,
        cause=cause,
        name=spec.name,
        version=spec.version,
        input=spec.input,
        content_type=spec.content_type,
        key=spec.key,
        command_id=command_id,
        **_next(schedule, next_at),
        backfill_next_at=backfill_next_at,
        at=now_ms,
    )


def queued(
    context: Context,
    schedule: Schedule,
    scheduled_at: int,
    now_ms: int,
    *,
    overlap: str,
    cause: str = TIME,
    command_id: str = "",
    next_at: int | None = None,
) -> Iterator[Message]:
    """Yield the events of a start that waits for what runs; with `cancel` that is asked to end, and no other waits."""
    yield ScheduleQueued(
        **_who(schedule),
        scheduled_at=scheduled_at,
        workflow_id=_workflow_id(schedule, cause, scheduled_at, command_id),
        cause=cause,
        command_id=command_id,
        gives_up=waiting_ids(schedule) if overlap == "cancel" else [],
        **_next(schedule, next_at),
        at=now_ms,
    )
    if overlap == "cancel":
        for workflow_id in [each for each, asked in schedule.running.items() if not asked]:
            yield ScheduleCancelRequested(
                **_who(schedule),
                workflow_id=workflow_id,
                to_shard=context.shards.of_workflow(workflow_id),
                reason=f"schedule {schedule.schedule_id} starts the next one",
                at=now_ms,
            )


def waiting_ids(schedule: Schedule) -> list[str]:
    """Return the ids of the workflows that wait to be started."""
    return [_workflow_id(schedule, each.cause, each.scheduled_at, each.command_id) for each in schedule.waiting]


def _workflow_id(schedule: Schedule, cause: str, scheduled_at: int, command_id: str) -> str:
    if cause == TRIGGER:
        return times.triggered_id_of(schedule.schedule_id, scheduled_at, command_id)
    return times.workflow_id_of(schedule.schedule_id, scheduled_at)


def _time(context: Context, schedule: Schedule, now_ms: int) -> Iterator[Message]:
    """Decide on the schedule's next time, which has come: by the catch-up window, then by the overlap policy."""
    spec, time_ms, limits = schedule.spec, schedule.next_at, context.limits
    # What is due by now, whatever its jitter.
    come = max(time_ms, now_ms - spec.jitter_ms)
    if schedule.due_at < now_ms - spec.catch_up_ms:
        # Of a time before that, even the longest jitter would be over.
        after = max(time_ms, now_ms - spec.catch_up_ms - spec.jitter_ms - 1)
        yield _skipped(schedule, MISSED, times.next_after(spec, after), now_ms)
        return
    match spec.overlap:
        case "skip" if schedule.busy:
            yield _skipped(schedule, OVERLAP, times.next_after(spec, come), now_ms)
            return
        case "queue" if schedule.busy:
            if len(schedule.waiting) >= limits.schedule_waiting:
                yield _skipped(schedule, QUEUE_FULL, times.next_after(spec, come), now_ms)
            else:
                next_at = times.next_after(spec, time_ms)
                yield from queued(context, schedule, time_ms, now_ms, overlap="queue", next_at=next_at)
            return
        case "cancel":
            latest = times.last_by(spec, time_ms, come)
            if latest > time_ms:
                yield _skipped(schedule, SUPERSEDED, latest, now_ms)
                return
            if schedule.busy:
                next_at = times.next_after(spec, time_ms)
                yield from queued(context, schedule, time_ms, now_ms, overlap="cancel", next_at=next_at)
                return
        case "allow" if len(schedule.running) >= limits.schedule_running:
            yield _skipped(schedule, TOO_MANY_RUNNING, times.next_after(spec, come), now_ms)
            return
    yield fired(context, schedule, time_ms, now_ms, next_at=times.next_after(spec, time_ms))


def _backfill(context: Context, schedule: Schedule, now_ms: int) -> Iterator[Message]:
    """Start the next time of the first backfill."""
    backfill = schedule.backfills[0]
    next_at = times.next_after(schedule.spec, backfill.next_at)
    left = next_at if next_at < backfill.until_at else 0
    yield fired(context, schedule, backfill.next_at, now_ms, cause=BACKFILL, backfill_next_at=left)


def _skipped(schedule: Schedule, reason: str, until_ms: int, now_ms: int) -> ScheduleSkipped:
    return ScheduleSkipped(
        **_who(schedule),
        first_at=schedule.next_at,
        until_at=until_ms,
        reason=reason,
        **_next(schedule, until_ms),
        at=now_ms,
    )


def _who(schedule: Schedule) -> dict[str, Any]:
    return {"schedule_id": schedule.schedule_id, "generation": schedule.generation}


def _next(schedule: Schedule, next_at: int | None) -> dict[str, Any]:
    if next_at is None:
        return {"next_at": schedule.next_at, "due_at": schedule.due_at}
    return {"next_at": next_at, "due_at": times.due_at(schedule.schedule_id, schedule.spec, next_at)}
