"""Runs the workflow of a folder in memory."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from types import ModuleType
from typing import Any

import msgspec

from headrace.authoring.tasks import TaskDefinition
from headrace.authoring.workflows import WorkflowDefinition
from headrace.testing import WorkflowRun, run_workflow
from tests.conformance.folders import GRAPH, PYTHON, TASKS, Expected, Promise


def run_graph(promise: Promise) -> WorkflowRun:
    """Run `workflow.yaml`."""
    return run_workflow(promise.folder / GRAPH, promise.expected().input, _tasks(promise))


def run_python(promise: Promise) -> WorkflowRun:
    """Run the workflow of `workflow.py`."""
    module = load_module(promise, PYTHON)
    found = [each for each in vars(module).values() if isinstance(each, WorkflowDefinition)]
    assert len(found) == 1, f"Expected one @workflow in {module.__file__}, but found {len(found)}"
    return run_workflow(found[0], promise.expected().input, _tasks(promise))


def outcome(run: WorkflowRun, expected: Expected) -> list[str]:
    """Return in which way a run has not ended as expected."""
    problems = []
    if run.status != expected.status:
        problems.append(f"Expected it to be {expected.status}, but it is {run.status}: {run.error} {run.cause}")
    if expected.error and run.error != expected.error:
        problems.append(f"Expected it to fail with {expected.error}, but it did with {run.error}: {run.cause}")
    if expected.output is not msgspec.UNSET and run.output != expected.output:
        problems.append(f"Expected the output {expected.output!r}, but it is {run.output!r}")
    return problems


def load_module(promise: Promise, file: str) -> ModuleType:
    """Return a module of a folder, loaded anew."""
    name = f"conformance_{promise.name}_{file.removesuffix('.py')}".replace("/", "_")
    spec = importlib.util.spec_from_file_location(name, promise.folder / file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _tasks(promise: Promise) -> dict[str, Callable[..., Any]]:
    if not promise.has(TASKS):
        return {}
    module = load_module(promise, TASKS)
    tasks: dict[str, Callable[..., Any]] = {}
    for name, each in vars(module).items():
        if isinstance(each, TaskDefinition):
            tasks[each.name] = each.function
        elif callable(each) and getattr(each, "__module__", "") == module.__name__ and not name.startswith("_"):
            tasks[name] = each
    return tasks
