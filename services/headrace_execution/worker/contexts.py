"""What `current()` is in an attempt that a worker runs."""

from __future__ import annotations

import msgspec

from headrace.authoring.task_context import StopFlag, TaskContext, TaskSink
from headrace.contracts.dispatch_events import AttemptNotes
from headrace.contracts.task_events import TaskScheduled


def context_of(
    task: TaskScheduled, assignment: int, noted: AttemptNotes | None, sink: TaskSink, stop: StopFlag
) -> TaskContext:
    """Return the context of an attempt; `noted` is what its dispatcher kept for it."""
    return TaskContext(
        sink,
        workflow_id=task.workflow_id,
        run_id=task.run_id,
        step=task.step,
        attempt=task.attempt,
        assignment=assignment,
        fencing_token=task.fencing_token,
        task=task.task,
        stop=stop,
        details=msgspec.json.decode(noted.details) if noted is not None and noted.details else None,
    )
