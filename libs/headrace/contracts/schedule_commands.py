"""Commands to a schedule; `workflow_id` is the schedule's id, which its shard derives from. Field docs: the schemas of
the same names.
"""

from __future__ import annotations

from headrace.contracts.message import Message
from headrace.contracts.schedule_events import ScheduleSpec


class SetSchedule(Message, frozen=True, kw_only=True):
    """Make a schedule, or change the one of this id."""

    command_id: str
    workflow_id: str
    issued_at: int
    causation_id: str = ""
    correlation_id: str = ""
    spec: ScheduleSpec
    paused: bool = False


class DeleteSchedule(Message, frozen=True, kw_only=True):
    """Delete a schedule; what it started goes on."""

    command_id: str
    workflow_id: str
    issued_at: int
    causation_id: str = ""
    correlation_id: str = ""


class PauseSchedule(Message, frozen=True, kw_only=True):
    """Pause a schedule: it starts nothing by itself."""

    command_id: str
    workflow_id: str
    issued_at: int
    causation_id: str = ""
    correlation_id: str = ""
    reason: str = ""


class ResumeSchedule(Message, frozen=True, kw_only=True):
    """Let a paused schedule go on with its next time."""

    command_id: str
    workflow_id: str
    issued_at: int
    causation_id: str = ""
    correlation_id: str = ""
    reason: str = ""


class TriggerSchedule(Message, frozen=True, kw_only=True):
    """Start a schedule's workflow now."""

    command_id: str
    workflow_id: str
    issued_at: int
    causation_id: str = ""
    correlation_id: str = ""
    overlap: str = ""


class BackfillSchedule(Message, frozen=True, kw_only=True):
    """Start what a schedule would have started in a range of the past."""

    command_id: str
    workflow_id: str
    issued_at: int
    causation_id: str = ""
    correlation_id: str = ""
    from_at: int
    until_at: int
    overlap: str = "queue"


ScheduleCommand = SetSchedule | DeleteSchedule | PauseSchedule | ResumeSchedule | TriggerSchedule | BackfillSchedule
