"""Events in the life of a schedule. Field docs: the schemas of the same names."""

from __future__ import annotations

import msgspec

from headrace.contracts.message import Message


class ScheduleSpec(Message, frozen=True, kw_only=True):
    """When a schedule starts which workflow. Either cron or every_ms says when."""

    cron: str = ""
    timezone: str = "UTC"
    every_ms: int = 0
    offset_ms: int = 0
    jitter_ms: int = 0
    overlap: str = "skip"
    catch_up_ms: int = 604_800_000
    name: str
    version: str = ""
    input: bytes
    content_type: str = "application/json"
    key: str = ""


class ScheduleSet(Message, frozen=True, kw_only=True):
    """A schedule was made or changed."""

    schedule_id: str
    generation: str
    command_id: str = ""
    spec: ScheduleSpec
    paused: bool = False
    next_at: int = 0
    due_at: int = 0
    at: int


class ScheduleDeleted(Message, frozen=True, kw_only=True):
    """A schedule is no more; what it started goes on."""

    schedule_id: str
    generation: str
    command_id: str = ""
    gives_up: list[str] = msgspec.field(default_factory=list)
    at: int


class SchedulePaused(Message, frozen=True, kw_only=True):
    """A schedule starts nothing by itself from now on."""

    schedule_id: str
    generation: str
    command_id: str = ""
    reason: str = ""
    at: int


class ScheduleResumed(Message, frozen=True, kw_only=True):
    """A paused schedule goes on with its next time."""

    schedule_id: str
    generation: str
    command_id: str = ""
    reason: str = ""
    next_at: int = 0
    due_at: int = 0
    at: int


class ScheduleFired(Message, frozen=True, kw_only=True):
    """A schedule starts a workflow."""

    schedule_id: str
    generation: str
    workflow_id: str
    to_shard: int
    scheduled_at: int
    cause: str = "time"
    name: str
    version: str = ""
    input: bytes
    content_type: str = "application/json"
    key: str = ""
    command_id: str = ""
    next_at: int = 0
    due_at: int = 0
    backfill_next_at: int = 0
    at: int
    trace: str = ""


class ScheduleQueued(Message, frozen=True, kw_only=True):
    """A start waits until what the schedule has started before has ended."""

    schedule_id: str
    generation: str
    workflow_id: str
    scheduled_at: int
    cause: str = "time"
    command_id: str = ""
    gives_up: list[str] = msgspec.field(default_factory=list)
    next_at: int = 0
    due_at: int = 0
    at: int


class ScheduleSkipped(Message, frozen=True, kw_only=True):
    """Times of a schedule passed without a start."""

    schedule_id: str
    generation: str
    first_at: int
    until_at: int
    reason: str
    next_at: int = 0
    due_at: int = 0
    at: int


class ScheduleBackfillStarted(Message, frozen=True, kw_only=True):
    """Times of a range in the past are started now."""

    schedule_id: str
    generation: str
    command_id: str = ""
    from_at: int
    until_at: int
    overlap: str
    first_at: int
    at: int


class ScheduleCancelRequested(Message, frozen=True, kw_only=True):
    """A schedule asks a workflow that it started to end, so that the next one can start."""

    schedule_id: str
    generation: str
    workflow_id: str
    to_shard: int
    reason: str = ""
    at: int


class ScheduleRunEnded(Message, frozen=True, kw_only=True):
    """A schedule took note that a workflow that it started has ended, or was not started."""

    schedule_id: str
    generation: str
    workflow_id: str
    status: str
    error: str = ""
    cause: str = ""
    at: int
