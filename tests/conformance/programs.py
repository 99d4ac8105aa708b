"""Runs the workflow of a folder in memory."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import msgspec

from headrace.authoring.tasks import TaskDefinition
from headrace.authoring.workflows import WorkflowDefinition
from headrace.testing import LiveWorkflow, TaskError, WorkflowRun, start_workflow
from tests.conformance.folders import GRAPH, PYTHON, TASKS, Expected, Promise


def run_graph(promise: Promise) -> WorkflowRun:
    """Run `workflow.yaml`."""
    return _played(promise, promise.folder / GRAPH, {})


def _played(promise: Promise, definition: Any, children: dict[str, Any]) -> WorkflowRun:
    """Run a workflow, with the moves of the test; then to its end."""
    expected = promise.expected()
    failures = {task: [_error(text) for text in attempts] for task, attempts in expected.failures.items()}
    tasks = _tasks(promise)
    with start_workflow(definition, expected.input, tasks, children=children, failures=failures) as run:
        for move in expected.moves:
            (word, value), *rest = move.items()
            assert not rest, f"Expected one move, but found {move}"
            MOVES[word](run, value)
        return run.finish()


def _signal(run: LiveWorkflow, value: dict[str, Any]) -> None:
    for name, data in value.items():
        run.signal(name, data)


MOVES: dict[str, Callable[[LiveWorkflow, Any], Any]] = {
    "advance": LiveWorkflow.advance,
    "signal": _signal,
    "complete": lambda run, output: run.complete(run.tokens[0], output),
    "fail": lambda run, error: run.fail(run.tokens[0], error),
    "cancel": LiveWorkflow.cancel,
    "terminate": LiveWorkflow.terminate,
    "pause": LiveWorkflow.pause,
    "resume": LiveWorkflow.resume,
    "retry": lambda run, options: run.retry(**(options or {})),
}
"""What the test can do, by the word that stands for it."""


def _error(text: str | None) -> Exception | None:
    if text is None:
        return None
    error, _, cause = text.partition(": ")
    return TaskError(error, cause)


def run_python(promise: Promise) -> WorkflowRun:
    """Run the workflow of `workflow.py`."""
    module = load_module(promise, PYTHON)
    found = {each.name: each for each in vars(module).values() if isinstance(each, WorkflowDefinition)}
    name = promise.expected().workflow or next(iter(found), "")
    assert len(found) == 1 or promise.expected().workflow, f"Expected to be told which of {sorted(found)} is run"
    others = {each: definition for each, definition in found.items() if each != name}
    return _played(promise, found[name], others)


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
    sys.modules[name] = module  # dataclasses look their module up
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
