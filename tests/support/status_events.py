"""Events of one workflow for tests of the read model, with everything that does not matter filled in."""

from __future__ import annotations

from typing import Any

from headrace.contracts.dispatch_events import TaskAssigned
from headrace.contracts.task_events import TaskFailed, TaskScheduled, TaskSucceeded
from headrace.contracts.workflow_events import WorkflowStarted, WorkflowSucceeded

ID, RUN, T0 = "w-1", "0-7", 1_700_000_000_000


def started(workflow_id: str = ID, run_id: str = RUN, **fields: Any) -> WorkflowStarted:
    """Return the start of a run."""
    values = {"name": "census", "version": "v1", "program": "graph", "input": b'{"root":"/usr"}', "at": T0, **fields}
    return WorkflowStarted(workflow_id=workflow_id, run_id=run_id, **values)


def succeeded(workflow_id: str = ID, run_id: str = RUN, **fields: Any) -> WorkflowSucceeded:
    """Return the end of a run."""
    values = {"name": "census", "started_at": T0, "output": b"[1,2]", "at": T0 + 900, **fields}
    return WorkflowSucceeded(workflow_id=workflow_id, run_id=run_id, **values)


def scheduled(step: int = 0, workflow_id: str = ID, run_id: str = RUN, **fields: Any) -> TaskScheduled:
    """Return an attempt that is ready."""
    values = {
        "attempt": 1,
        "node": f"n{step}",
        "task": "measure",
        "queue": "q",
        "input": b'{"a":1}',
        "at": T0 + 10,
        **fields,
    }
    return TaskScheduled(workflow_id=workflow_id, run_id=run_id, step=step, **values)


def assigned(step: int = 0, assignment: int = 1, worker: str = "worker-1", **fields: Any) -> TaskAssigned:
    """Return an assignment of an attempt."""
    return TaskAssigned(
        assignment=assignment, worker=worker, session="s", task=scheduled(step, **fields), shard=0, at=T0 + 20
    )


def done(step: int = 0, workflow_id: str = ID, run_id: str = RUN, **fields: Any) -> TaskSucceeded:
    """Return the success of an attempt."""
    values = {
        "attempt": 1,
        "node": f"n{step}",
        "task": "measure",
        "queue": "q",
        "output": b'{"lines":3}',
        "assignment": 1,
        "worker": "worker-1",
        "started_at": T0 + 25,
        "ended_at": T0 + 40,
        "at": T0 + 45,
        **fields,
    }
    return TaskSucceeded(workflow_id=workflow_id, run_id=run_id, step=step, **values)


def failed(step: int = 0, workflow_id: str = ID, run_id: str = RUN, **fields: Any) -> TaskFailed:
    """Return the failure of an attempt."""
    values = {
        "attempt": 1,
        "node": f"n{step}",
        "task": "measure",
        "queue": "q",
        "error": "ValueError",
        "at": T0 + 45,
        **fields,
    }
    return TaskFailed(workflow_id=workflow_id, run_id=run_id, step=step, **values)
