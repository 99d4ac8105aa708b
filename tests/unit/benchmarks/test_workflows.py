"""What the benchmarks run does what it says: as many tasks as the hops count, in both programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import app
from benchmarks.linear import steps_input
from benchmarks.plan import WORKLOADS
from benchmarks.recovery import due_input
from headrace.client.sending import now_ms
from headrace.contracts.task_events import TaskSucceeded
from headrace.contracts.timer_events import TimerStarted
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
    (tasks,) = {workload.tasks for workload in WORKLOADS.values() if name.startswith(workload.workflow)}
    result = run_workflow(DEFINITIONS[name], {"value": 7}, {"pass_on": app.pass_on.function})
    assert (result.status, result.error, result.cause) == ("SUCCEEDED", None, None)
    assert sum(isinstance(event, TaskSucceeded) for event in result.events) == tasks
    assert result.output == ({"value": 7} if tasks == 3 else 100)


@pytest.mark.parametrize("definition", [FOLDER / "chain.yaml", app.bench_chain_python])
def test_a_chain_has_as_many_steps_as_asked_for(definition: Any) -> None:
    result = run_workflow(definition, json.loads(steps_input(12)(0)), {"pass_on": app.pass_on.function})
    assert (result.status, result.cause, result.output) == ("SUCCEEDED", None, 12)
    assert sum(isinstance(event, TaskSucceeded) for event in result.events) == 12


@pytest.mark.parametrize("definition", [FOLDER / "park.yaml", app.bench_park_python])
def test_what_is_parked_answers_at_its_time(definition: Any) -> None:
    given = json.loads(due_input(now_ms() + 100_000)(0))
    result = run_workflow(definition, given, {})
    assert (result.status, result.cause, result.output) == ("SUCCEEDED", None, given["pause"])
    (timer,) = [event for event in result.events if isinstance(event, TimerStarted)]
    assert f"{timer.due_at - timer.at}ms" == given["pause"]
