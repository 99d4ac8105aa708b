"""Run workflows in memory: no Kafka, no Postgres, and time is skipped."""

from headrace.testing.run import WorkflowRun, run_workflow
from headrace.testing.tasks import Hang, TaskError

__all__ = ["Hang", "TaskError", "WorkflowRun", "run_workflow"]
