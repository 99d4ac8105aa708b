"""`run_workflow`: a workflow from start to end, in memory, with time skipped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any

import msgspec

from headrace.contracts.commands import StartWorkflow
from headrace.contracts.message import Message
from headrace.contracts.workflow_events import StartRefused, WorkflowFailed, WorkflowStuck, WorkflowSucceeded
from headrace.engine.activations import Activations
from headrace.engine.budget import BudgetPort
from headrace.engine.context import Context, Limits, Shards
from headrace.engine.decider import DecisionDecider
from headrace.engine.evolve.workflow import END_STATUS
from headrace.engine.programs.graph.program import GraphProgram
from headrace.engine.programs.program import Program
from headrace.engine.programs.python.payloads import from_payload
from headrace.engine.programs.python.program import PythonProgram
from headrace.runtime.budget import Budget
from headrace.testing.definitions import InMemoryDefinitions
from headrace.testing.system import InMemorySystem

_EPOCH_2024_MS = 1_704_067_200_000
"""Where the clock of a test begins: a fixed time, so that two runs of a test are alike."""


class WorkflowRun(msgspec.Struct, frozen=True, kw_only=True):
    """How a workflow went. `status` is RUNNING when it waits for something that nobody gives; `events` are typed
    messages.
    """

    status: str
    output: Any = None
    error: str | None = None
    cause: str | None = None
    events: list[Message] = []


def run_workflow(
    definition: Any,
    input: Any = None,
    tasks: Mapping[str, Callable[..., Any]] | None = None,
    *,
    workflow_id: str = "test",
    children: Mapping[str, Any] | None = None,
    now_ms: int = _EPOCH_2024_MS,
    budget: BudgetPort | None = None,
) -> WorkflowRun:
    """Run a workflow to its end and return how it went.

    `definition` is a Python workflow, a graph document as a dict, or a path to one. `tasks` are callables by task
    name; they may return, raise, or be async. For a Python workflow, the tasks that its module names are found by
    themselves. `children` are the definitions of child workflows by name.
    """
    definitions = InMemoryDefinitions()
    name = definitions.add(definition)
    for child, body in (children or {}).items():
        definitions.add(body, child)
    programs: dict[str, Program] = {
        "graph": GraphProgram(),
        "python": PythonProgram(lambda source: definitions.functions[source]),
    }
    with nullcontext(budget) if budget is not None else Budget() as limits:
        activations = Activations(definitions=definitions, programs=programs, budget=limits)
        return _run(activations, name, input, {**_module_tasks(definition), **(tasks or {})}, workflow_id, now_ms)


def _run(
    activations: Activations,
    name: str,
    input: Any,
    tasks: Mapping[str, Callable[..., Any]],
    workflow_id: str,
    now_ms: int,
) -> WorkflowRun:
    decider = DecisionDecider(Context(shards=Shards(), limits=Limits(), activations=activations))
    system = InMemorySystem(decider, tasks, now_ms)
    system.send(
        StartWorkflow(
            command_id="test",
            workflow_id=workflow_id,
            issued_at=now_ms,
            name=name,
            input=msgspec.json.encode({} if input is None else input),
        )
    )
    system.run()
    return _result(system.events, workflow_id)


def _module_tasks(definition: Any) -> dict[str, Callable[..., Any]]:
    """Return the tasks that a Python workflow's module names."""
    function = getattr(definition, "function", definition)
    found: dict[str, Callable[..., Any]] = {}
    for value in getattr(function, "__globals__", {}).values():
        body = getattr(value, "function", None)
        if callable(body) and isinstance(getattr(value, "queue", None), str):
            found[value.name] = body
    return found


def _result(events: list[Message], workflow_id: str) -> WorkflowRun:
    for event in reversed(events):
        if getattr(event, "workflow_id", None) != workflow_id:
            continue
        match event:
            case WorkflowSucceeded():
                output = from_payload(event.output, event.content_type)
                return WorkflowRun(status="SUCCEEDED", output=output, events=events)
            case WorkflowFailed():
                return WorkflowRun(status="FAILED", error=event.error, cause=event.cause, events=events)
            case WorkflowStuck():
                return WorkflowRun(status="STUCK", error=event.error, cause=event.cause, events=events)
            case StartRefused():
                return WorkflowRun(status="FAILED", error=event.error, cause=event.cause, events=events)
            case _ if type(event) in END_STATUS:
                return WorkflowRun(status=END_STATUS[type(event)], cause=getattr(event, "reason", None), events=events)
    return WorkflowRun(status="RUNNING", events=events)
