"""`replay`: proves that a workflow's code still does what recorded runs did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from headrace.authoring.bundle_loading import load_bundle
from headrace.authoring.definitions import definition_of_workflow
from headrace.authoring.workflows import WorkflowDefinition
from headrace.contracts.definitions import Definition
from headrace.contracts.message import Message
from headrace.contracts.workflow_events import WorkflowFailed, WorkflowStarted, WorkflowSucceeded, WorkflowTerminated
from headrace.engine.activations import Activations
from headrace.engine.budget import BudgetExceeded
from headrace.engine.context import Context, Limits, Shards
from headrace.engine.decider import DecisionDecider
from headrace.engine.evolve.registry import evolve
from headrace.engine.evolve.workflow import END_STATUS
from headrace.engine.kernel.kernel import Kernel
from headrace.engine.kernel.outcomes import NonDeterministic
from headrace.engine.kernel.requests import CancelStep
from headrace.engine.programs.graph.program import GraphProgram
from headrace.engine.programs.program import Program
from headrace.engine.programs.python.program import PythonProgram
from headrace.engine.run import Run
from headrace.engine.state import ShardState
from headrace.runtime.budget import Budget
from headrace.testing.definitions import InMemoryDefinitions
from headrace.testing.histories import History, InvalidHistory, events_of, rows_of

_NO_START = "Expected a history with the start of a run, but found none; take a workflow's whole history"


class ReplayMismatch(AssertionError):
    """The code asks for something else than the record shows; the text says at which step, and shows both sides."""


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """A replay that agrees. `steps` is the number of recorded steps; `status` that of the recorded run."""

    workflow_id: str
    run_id: str
    name: str
    version: str
    status: str
    steps: int


def replay(history: History, workflow: Any) -> Replayed:
    """Run a workflow's code over a recorded history, without running any task.

    `history` is a file that `headrace history ID --json --whole` wrote, its rows, or the events of a test's run; the
    latest run in it is replayed.
    `workflow` is a `@workflow` function (it is bundled as for a deployment), a graph as a dict, or a path to one.

    Raises:
        ReplayMismatch: the code asks for something else than the record shows.
        InvalidHistory: the history is none, or its payloads were cut.
        InvalidDefinition: the workflow could not be deployed.
    """
    with Budget() as budget:
        programs: dict[str, Program] = {"python": PythonProgram(_function_of(workflow)), "graph": GraphProgram()}
        activations = Activations(definitions=_Only(_definition(workflow)), programs=programs, budget=budget)
        initial = DecisionDecider(Context(shards=Shards(), limits=Limits(), activations=activations)).initial()
        record = _recorded(initial, list(events_of(rows_of(history))))
        run = record.run
        run.steps = run.steps[: len(run.steps) - len(record.by_end)]
        try:
            kernel = activations.caught_up(run)
        except (NonDeterministic, BudgetExceeded) as error:
            raise ReplayMismatch(f"{run.workflow_id} ({run.name}@{run.version}): {error}") from error
        _check_end(record, kernel)
    status = END_STATUS[type(record.end)] if record.end is not None else run.status
    return Replayed(
        workflow_id=run.workflow_id,
        run_id=run.run_id,
        name=run.name,
        version=run.version,
        status=status,
        steps=len(run.steps),
    )


def name_in(history: History) -> str:
    """Return the name of the workflow that a history is of.

    Raises:
        InvalidHistory: it is none.
    """
    start = next((event for event in events_of(rows_of(history)) if isinstance(event, WorkflowStarted)), None)
    if start is None:
        raise InvalidHistory(_NO_START)
    return start.name


class _Record(msgspec.Struct, kw_only=True):
    """A run as it was before its end. `by_end` are the steps that its end has given up."""

    run: Run
    end: Message | None = None
    by_end: list[str] = []


def _recorded(state: ShardState, events: Sequence[Message]) -> _Record:
    starts = [event for event in events if isinstance(event, WorkflowStarted)]
    if not starts:
        raise InvalidHistory(_NO_START)
    # The events of a test's run are those of its children too, which come later.
    mine = [event for event in events if getattr(event, "workflow_id", "") == starts[0].workflow_id]
    first = max(at for at, event in enumerate(mine) if isinstance(event, WorkflowStarted))
    given_up = 0
    for event in mine[first:]:
        if type(event) in END_STATUS:
            return _record(state, starts[0].workflow_id, event, given_up)
        evolve(state, event)
        given_up = given_up + 1 if type(event).__name__ in _GIVING_UP else 0
    return _record(state, starts[0].workflow_id, None, 0)


_GIVING_UP = frozenset({"TaskCancelled", "TimerCancelled", "ChildCancelRequested", "StepCancelled"})


def _record(state: ShardState, workflow_id: str, end: Message | None, given_up: int) -> _Record:
    run = state.runs[workflow_id]
    return _Record(run=run, end=end, by_end=run.steps[len(run.steps) - given_up :] if given_up else [])


def _check_end(record: _Record, kernel: Kernel) -> None:
    """Hold what the code does after the last recorded step against what the run did."""
    if record.end is None or isinstance(record.end, WorkflowTerminated):
        return
    run = record.run
    where = f"{run.workflow_id} ({run.name}@{run.version})"
    status = END_STATUS[type(record.end)]
    fresh = [request for _, request in kernel.fresh]
    more = [request.fingerprint() for request in fresh if not isinstance(request, CancelStep)]
    if more:
        raise ReplayMismatch(
            f"{where}: Expected the run to end as {status} after step {len(run.steps) - 1}, as recorded, but the code "
            f"goes on with [{more[0]}]"
        )
    if kernel.main is None or not kernel.main.done:
        raise ReplayMismatch(
            f"{where}: Expected the run to end as {status} after step {len(run.steps) - 1}, as recorded, but the code "
            "waits for more"
        )
    error = kernel.main.error
    if isinstance(record.end, WorkflowSucceeded) and error is not None:
        raise ReplayMismatch(f"{where}: Expected a success, as recorded, but the code ends with {error!r}")
    if isinstance(record.end, WorkflowFailed) and error is None and record.end.error != "headrace.OutputTooLarge":
        raise ReplayMismatch(f"{where}: Expected {record.end.error}, as recorded, but the code succeeds")


class _Only:
    """The one definition that a replay is about, whatever version the record names."""

    def __init__(self, definition: Definition) -> None:
        self._definition = definition

    def get(self, name: str, version: str) -> Definition | None:
        """Return the definition."""
        return self._definition

    def latest(self, name: str) -> Definition | None:
        """Return the definition."""
        return self._definition


def _definition(workflow: Any) -> Definition:
    if isinstance(workflow, WorkflowDefinition):
        return definition_of_workflow(workflow, file=workflow.file, deployed_at=0)
    definitions = InMemoryDefinitions()
    found = definitions.get(definitions.add(workflow), "")
    assert found is not None
    return found


def _function_of(workflow: Any) -> Any:
    if isinstance(workflow, WorkflowDefinition):
        return load_bundle
    return lambda _source: workflow
