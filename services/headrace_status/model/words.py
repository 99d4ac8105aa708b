"""What columns mean that stand in many views."""

from __future__ import annotations

WORKFLOW_ID = "Id of the workflow."
RUN_ID = "Id of the run: a workflow that is started again has another one."
STEP = "Number of the recorded step within the run, from 0."
ATTEMPT = "Attempt of the task, from 1."
ERROR = "Name of the error."
CAUSE = "Text that explains the error."
