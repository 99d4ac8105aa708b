"""Events of schedules: each schedule as it is now, and every start that it made or means to make.

How a started workflow goes on stands in its own row; a view puts the two together.
"""

from __future__ import annotations

from typing import Any

from headrace.contracts.schedule_events import (
    ScheduleBackfillStarted,
    ScheduleDeleted,
    ScheduleFired,
    SchedulePaused,
    ScheduleQueued,
    ScheduleResumed,
    ScheduleRunEnded,
    ScheduleSet,
    ScheduleSkipped,
)
from headrace_status.fold.changes import Changes, Delete, Origin, Put
from headrace_status.fold.payload import json_text

WAITING = "WAITING"
STARTED = "STARTED"
GIVEN_UP = "GIVEN_UP"


def schedule_set(event: ScheduleSet, origin: Origin) -> Changes:
    """It is made or changed."""
    spec = event.spec
    values = {
        "generation": event.generation,
        "name": spec.name,
        "version": spec.version,
        "cron": spec.cron,
        "timezone": spec.timezone,
        "every_ms": spec.every_ms,
        "offset_ms": spec.offset_ms,
        "jitter_ms": spec.jitter_ms,
        "overlap": spec.overlap,
        "catch_up_ms": spec.catch_up_ms,
        "key": spec.key,
        "input": json_text(spec.input, spec.content_type),
        "input_bytes": len(spec.input),
        "paused": event.paused,
        "shard": origin.partition,
        "set_at": event.at,
        **_next(event),
    }
    yield _schedule(event, values)


def schedule_deleted(event: ScheduleDeleted, _origin: Origin) -> Changes:
    """It is gone; what it has started stays."""
    yield Delete("schedules", (event.schedule_id,))
    yield from _given_up(event, "headrace.ScheduleDeleted")


def schedule_paused(event: SchedulePaused, _origin: Origin) -> Changes:
    """It starts nothing by itself."""
    yield _schedule(event, {"paused": True, "reason": event.reason})


def schedule_resumed(event: ScheduleResumed, _origin: Origin) -> Changes:
    """It goes on."""
    yield _schedule(event, {"paused": False, "reason": "", **_next(event)})


def schedule_fired(event: ScheduleFired, _origin: Origin) -> Changes:
    """It starts a workflow."""
    values = {"fired_at": event.at, **_next(event)}
    if event.cause == "backfill":
        values["backfill_next_at"] = event.backfill_next_at
    yield _schedule(event, values)
    yield _run(event, event.workflow_id, {**_named(event), "status": STARTED, "fired_at": event.at})


def schedule_queued(event: ScheduleQueued, _origin: Origin) -> Changes:
    """A start waits."""
    yield from _given_up(event, "headrace.Superseded")
    yield _schedule(event, _next(event))
    yield _run(event, event.workflow_id, {**_named(event), "status": WAITING})


def schedule_skipped(event: ScheduleSkipped, _origin: Origin) -> Changes:
    """Times have passed without a start."""
    skipped = {"skipped_at": event.first_at, "skipped_until": event.until_at, "skipped_reason": event.reason}
    yield _schedule(event, {**skipped, **_next(event)})


def schedule_backfill_started(event: ScheduleBackfillStarted, _origin: Origin) -> Changes:
    """A range of the past is being started."""
    yield _schedule(event, {"backfill_next_at": event.first_at, "backfill_until": event.until_at})


def schedule_run_ended(event: ScheduleRunEnded, _origin: Origin) -> Changes:
    """A workflow has ended, or was not started."""
    values = {"status": event.status, "error": event.error, "cause_of_error": event.cause, "ended_at": event.at}
    yield _run(event, event.workflow_id, values)


def _schedule(event: Any, values: dict[str, Any]) -> Put:
    return Put("schedules", (event.schedule_id,), {**values, "changed_at": event.at})


def _run(event: Any, workflow_id: str, values: dict[str, Any]) -> Put:
    return Put(
        "schedule_runs",
        (workflow_id, event.schedule_id),
        {**values, "generation": event.generation, "changed_at": event.at},
    )


def _given_up(event: ScheduleQueued | ScheduleDeleted, reason: str) -> Changes:
    for workflow_id in event.gives_up:
        yield _run(event, workflow_id, {"status": GIVEN_UP, "error": reason, "ended_at": event.at})


def _named(event: ScheduleFired | ScheduleQueued) -> dict[str, Any]:
    return {
        "scheduled_at": event.scheduled_at,
        "cause": event.cause,
        "command_id": event.command_id,
        "error": "",
        "cause_of_error": "",
        "ended_at": 0,
    }


def _next(event: ScheduleSet | ScheduleResumed | ScheduleFired | ScheduleQueued | ScheduleSkipped) -> dict[str, int]:
    return {"next_at": event.next_at, "due_at": event.due_at}
