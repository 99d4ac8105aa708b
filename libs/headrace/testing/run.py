"""`run_workflow`: a workflow from start to end, in memory, with time skipped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from headrace.engine.budget import BudgetPort
from headrace.testing.failures import Failures
from headrace.testing.live import EPOCH_2024_MS, LiveWorkflow, WorkflowRun


def run_workflow(
    definition: Any,
    input: Any = None,
    tasks: Mapping[str, Callable[..., Any]] | None = None,
    *,
    workflow_id: str = "test",
    children: Mapping[str, Any] | None = None,
    failures: Failures = (),
    now_ms: int = EPOCH_2024_MS,
    budget: BudgetPort | None = None,
) -> WorkflowRun:
    """Run a workflow to its end and return how it went.

    `definition` is a Python workflow, a graph document as a dict, or a path to one. `tasks` are callables by task
    name; they may return, raise, or be async. For a Python workflow, the tasks that its module names are found by
    themselves. `children` are the definitions of child workflows by name. `failures` says which attempts of which
    tasks fail without being run (`headrace.testing.fail`). `now_ms` is where the clock begins, in ms since the epoch.
    """
    with start_workflow(
        definition,
        input,
        tasks,
        workflow_id=workflow_id,
        children=children,
        failures=failures,
        now_ms=now_ms,
        budget=budget,
    ) as run:
        return run.finish()


def start_workflow(
    definition: Any,
    input: Any = None,
    tasks: Mapping[str, Callable[..., Any]] | None = None,
    *,
    workflow_id: str = "test",
    children: Mapping[str, Any] | None = None,
    failures: Failures = (),
    now_ms: int = EPOCH_2024_MS,
    budget: BudgetPort | None = None,
) -> LiveWorkflow:
    """Begin a workflow that the test takes on by itself: time, signals, a cancellation. Arguments as `run_workflow`.

    Use it as `with start_workflow(...) as run:`.
    """
    return LiveWorkflow(
        definition,
        input,
        tasks,
        workflow_id=workflow_id,
        children=children,
        failures=failures,
        now_ms=now_ms,
        budget=budget,
    )
