"""Workflows that go on for long come to what their plan says, over all their runs: nothing is lost or done twice where
one goes on with a smaller record, and what was reserved is undone in reverse.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import msgspec

from headrace.contracts.record_events import Published, SearchAttributesSet, ValueRecorded, WorkflowContinued
from headrace.contracts.task_events import TaskScheduled
from headrace.contracts.workflow_events import WorkflowFailed, WorkflowSucceeded, WorkflowTerminated
from tests.simulation.checkers.histories import History, Step
from tests.simulation.workflows.keeping import NAME

_NOTES = (ValueRecorded, Published, SearchAttributesSet)
_TIMERS = {"note": 1, "beside": 2, "again": 1}
"""Steps that come to no value of their own, by what asks for them."""


def check(runs: dict[str, History]) -> Iterator[str]:
    """Yield what is wrong."""
    for run in runs.values():
        if run.started.name == NAME and "." not in run.started.run_id:
            for problem in _check(list(_chain(runs, run))):
                yield f"{run.name}: {problem}"


def _chain(runs: dict[str, History], run: History) -> Iterator[History]:
    """Yield the runs of a workflow, each followed by the one that goes on where it ends."""
    yield run
    while isinstance(run.end, WorkflowContinued):
        run = runs[run.end.next_run_id]
        yield run


def _check(chain: list[History]) -> Iterator[str]:
    last = chain[-1]
    if last.stuck is not None or last.end is None or isinstance(last.end, WorkflowTerminated):
        return  # the other checkers say what is wrong with that, if anything is
    for run in chain[:-1]:
        given_up = [step.number for step in run.steps.values() if step.status in ("", "CANCELLED")]
        if isinstance(run.end, WorkflowContinued) and run.end.kept_steps and given_up:
            yield f"Expected nothing to be given up where a loop goes on, but steps {given_up} were"
    plan = msgspec.json.decode(chain[0].started.input)["plan"]
    steps = [step for run in chain for _, step in sorted(run.steps.items()) if not isinstance(step.events[0], _NOTES)]
    yield from _undone(plan, steps, ended_well=isinstance(last.end, WorkflowSucceeded))
    if last.cancel is None:
        yield from _ended(plan, steps, last)


def _undone(plan: list[list[Any]], steps: list[Step], *, ended_well: bool) -> Iterator[str]:
    """What was reserved is undone in reverse, each once; all of it unless the workflow succeeds."""
    reservations = {rest[1] for what, *rest in plan if what == "reserve"}
    reserved: list[Any] = []
    for step in steps:
        given = _input(step)
        if "undo" in given:
            wanted = reserved.pop() if reserved else None
            if given["undo"] != wanted:
                yield f"Expected {wanted} to be undone at step {step.number}, but found {given['undo']}"
        elif given.get("k") in reservations and step.status == "SUCCEEDED" and not step.given_up:
            reserved.append(given["k"])
    if reserved and not ended_well:
        yield f"Expected all to be undone, but {reserved} are not"


def _ended(plan: list[list[Any]], steps: list[Step], last: History) -> Iterator[str]:
    """Nobody asked for its end: it comes to what its plan says."""
    left = deque(step for step in steps if "undo" not in _input(step))
    found: list[Any] = []
    told: deque[Any] = deque()
    for what, *rest in plan:
        if what in ("run", "reserve", "tell") and left:
            step = left.popleft()
            if step.status != "SUCCEEDED":
                found.append({"error": step.error})
            elif what == "tell":
                told.append(rest[0])
            else:
                found.append(msgspec.json.decode(step.output))
        for _ in range(min(_TIMERS.get(what, 0), len(left))):
            left.popleft()
        if what == "note":
            found.append(rest[0])
        elif what == "hear":
            found.append(told.popleft() if told else "nothing was told")
    if left:
        yield f"Expected no more steps than the plan {plan} has, but found {list(left)}"
    if plan[-1] == ["raise"]:
        if not isinstance(last.end, WorkflowFailed) or last.end.error != "ValueError":
            yield f"Expected it to fail as planned, but found {last.end}"
    elif not isinstance(last.end, WorkflowSucceeded) or msgspec.json.decode(last.end.output) != found:
        yield f"Expected the plan {plan} to come to {found}, but found {last.end}"


def _input(step: Step) -> dict[str, Any]:
    """Return the input of a task's step; nothing for other steps."""
    for event in step.events:
        if isinstance(event, TaskScheduled):
            decoded = msgspec.json.decode(event.input)
            found: dict[str, Any] = decoded["args"][0] if "args" in decoded else decoded
            return found
    return {}
