"""Run workflows in memory: no Kafka, no Postgres, and time is skipped; and replay recorded histories."""

from headrace.testing.failures import Failure, fail
from headrace.testing.histories import InvalidHistory
from headrace.testing.live import LiveWorkflow, WorkflowRun
from headrace.testing.replay import Replayed, ReplayMismatch, replay
from headrace.testing.run import run_workflow, start_workflow
from headrace.testing.schedules import LiveSchedule, ScheduledRun, ScheduleRefused, run_schedule, start_schedule
from headrace.testing.tasks import Hang, TaskError

__all__ = [
    "Failure",
    "Hang",
    "InvalidHistory",
    "LiveSchedule",
    "LiveWorkflow",
    "ReplayMismatch",
    "Replayed",
    "ScheduleRefused",
    "ScheduledRun",
    "TaskError",
    "WorkflowRun",
    "fail",
    "replay",
    "run_schedule",
    "run_workflow",
    "start_schedule",
    "start_workflow",
]
