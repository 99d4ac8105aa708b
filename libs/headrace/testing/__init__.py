"""Run workflows in memory: no Kafka, no Postgres, and time is skipped."""

from headrace.testing.failures import Failure, fail
from headrace.testing.live import LiveWorkflow, WorkflowRun
from headrace.testing.run import run_workflow, start_workflow
from headrace.testing.tasks import Hang, TaskError

__all__ = ["Failure", "Hang", "LiveWorkflow", "TaskError", "WorkflowRun", "fail", "run_workflow", "start_workflow"]
