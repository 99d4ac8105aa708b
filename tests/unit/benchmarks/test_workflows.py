"""What the benchmarks run does what it says: as many tasks as the hops count, in both programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks import app
from benchmarks.plan import WORKLOADS
from headrace.contracts.task_events import TaskSucceeded
from headrace.testing import run_workflow

FOLDER = Path(app.__file__).parent
DEFINITIONS: dict[str, Any] = {
    "bench_steps_graph": FOLDER / "steps.yaml",
    "bench_steps_python": app.bench_steps_python,
    "bench_fanout_graph": FOLDER / "fanout.yaml",
    "bench_fanout_python": app.bench_fanout_python,
}


@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_workflow_runs_as_many_tasks_as_its_hops_count(name: str) -> None:
    (tasks,) = {w.tasks for w in WORKLOADS.values() if name.startswith(w.workflow)}
    result = run_workflow(DEFINITIONS[name], {"value": 7}, {"pass_on": app.pass_on.function})
    assert (result.status, result.error, result.cause) == ("SUCCEEDED", None, None)
    assert sum(isinstance(event, TaskSucceeded) for event in result.events) == tasks
    assert result.output == (7 if tasks == 3 else 100)
