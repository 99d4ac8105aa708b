"""State changes of schedules."""

from __future__ import annotations

from headrace.contracts import schedule_events as e
from headrace.engine.identity import command_digest
from headrace.engine.schedules.schedule import BACKFILL, Backfill, Schedule, Waiting
from headrace.engine.state import ShardState

_Timed = e.ScheduleResumed | e.ScheduleFired | e.ScheduleQueued | e.ScheduleSkipped


def schedule_set(state: ShardState, event: e.ScheduleSet) -> None:
    """A schedule is made or changed; what runs and waits stays."""
    schedule = state.schedules.get(event.schedule_id)
    if schedule is None:
        schedule = Schedule(schedule_id=event.schedule_id, generation=event.generation, spec=event.spec)
    schedule.spec = event.spec
    schedule.paused = event.paused
    schedule.next_at, schedule.due_at = event.next_at, event.due_at
    _done(state, schedule, event.command_id, event.at)


def schedule_deleted(state: ShardState, event: e.ScheduleDeleted) -> None:
    """A schedule is no more. Its command stays known: an older one that comes again must not bring it back."""
    state.schedules.remove(event.schedule_id)
    state.schedules.commands.add(command_digest(event.command_id), event.at)


def schedule_paused(state: ShardState, event: e.SchedulePaused) -> None:
    """Nothing starts by itself any more."""
    schedule = _schedule(state, event.schedule_id)
    schedule.paused = True
    _done(state, schedule, event.command_id, event.at)


def schedule_resumed(state: ShardState, event: e.ScheduleResumed) -> None:
    """It goes on."""
    schedule = _at(state, event)
    schedule.paused = False
    _done(state, schedule, event.command_id, event.at)


def schedule_fired(state: ShardState, event: e.ScheduleFired) -> None:
    """A workflow starts, for a time that has come, has waited, or is part of a backfill."""
    schedule = _at(state, event)
    schedule.running[event.workflow_id] = False
    if event.cause == BACKFILL:
        _backfilled(schedule, event.backfill_next_at)
    else:
        started = Waiting(event.cause, event.scheduled_at, event.command_id)
        schedule.waiting = [each for each in schedule.waiting if each != started]
    _done(state, schedule, event.command_id, event.at)


def schedule_queued(state: ShardState, event: e.ScheduleQueued) -> None:
    """A start waits."""
    schedule = _at(state, event)
    if event.gives_up:
        schedule.waiting = []
    schedule.waiting.append(Waiting(event.cause, event.scheduled_at, event.command_id))
    _done(state, schedule, event.command_id, event.at)


def schedule_skipped(state: ShardState, event: e.ScheduleSkipped) -> None:
    """Times have passed without a start."""
    _done(state, _at(state, event))


def schedule_backfill_started(state: ShardState, event: e.ScheduleBackfillStarted) -> None:
    """A range of the past is to be started."""
    schedule = _schedule(state, event.schedule_id)
    schedule.backfills.append(Backfill(event.first_at, event.until_at, event.overlap, event.command_id))
    _done(state, schedule, event.command_id, event.at)


def schedule_cancel_requested(state: ShardState, event: e.ScheduleCancelRequested) -> None:
    """A workflow was asked to end; it is asked once."""
    schedule = _schedule(state, event.schedule_id)
    schedule.running[event.workflow_id] = True
    _done(state, schedule)


def schedule_run_ended(state: ShardState, event: e.ScheduleRunEnded) -> None:
    """A workflow has ended, or never began."""
    schedule = _schedule(state, event.schedule_id)
    schedule.running.pop(event.workflow_id, None)
    _done(state, schedule)


def _schedule(state: ShardState, schedule_id: str) -> Schedule:
    schedule = state.schedules.get(schedule_id)
    assert schedule is not None, f"Expected schedule {schedule_id}, but there is none"
    return schedule


def _at(state: ShardState, event: _Timed) -> Schedule:
    """Return the schedule of an event that says what its next time is; it has that now."""
    schedule = _schedule(state, event.schedule_id)
    schedule.next_at, schedule.due_at = event.next_at, event.due_at
    return schedule


def _backfilled(schedule: Schedule, next_at: int) -> None:
    if next_at:
        schedule.backfills[0].next_at = next_at
    else:
        del schedule.backfills[0]


def _done(state: ShardState, schedule: Schedule, command_id: str = "", at: int = 0) -> None:
    if command_id:
        state.schedules.commands.add(command_digest(command_id), at)
    state.schedules.put(schedule)
