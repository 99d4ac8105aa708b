"""What operators do: a paused run stands still, a replay agrees at any time, and a retried run takes over what its
former run has, each once, and nothing that it has not.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

from headrace.contracts.control_events import StepReused, WorkflowMigrated, WorkflowPaused, WorkflowResumed
from headrace.contracts.message import Message
from headrace.contracts.task_events import TaskFailed, TaskScheduled, TaskTimedOut
from headrace.contracts.timer_events import TimerFired
from headrace.contracts.topics import WORKFLOW_JOURNAL
from headrace.contracts.wait_events import CommandRefused
from headrace.contracts.workflow_events import WorkflowStuck
from headrace.engine.carried import RECEIVED
from tests.simulation.checkers.histories import ENDS, OPENERS, History, Step
from tests.simulation.checkers.journals import Journals

_REFUSED_BY_CODE = ("headrace.ReplayMismatch", "headrace.ActivationFailed", "headrace.BudgetExceeded")


def check(journals: Journals, runs: dict[str, History], documents: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong."""
    for run in runs.values():
        for problem in (
            *_stuck(run, documents),
            *_stands_still(run),
            *_takes_over(run, runs),
            *_leaves_nothing(run, runs, documents),
        ):
            yield f"{run.name}: {problem}"
    for found, _, event in journals.events(WORKFLOW_JOURNAL):
        if isinstance(event, CommandRefused) and event.error in _REFUSED_BY_CODE:
            yield f"{found.where}@{found.entry.offset}: Expected every replay to agree, but found {event}"


def _stuck(run: History, documents: dict[str, Any]) -> Iterator[str]:
    """Only what walks into a trap gets stuck, also where somebody has freed it since."""
    trap = "trap" in documents.get(run.started.name, {}).get("tasks", ())
    for _, event in run.events:
        if isinstance(event, WorkflowStuck) and not trap:
            yield f"Expected it never to be stuck, but found {event}"


def _stands_still(run: History) -> Iterator[str]:
    paused = False
    for _, event in run.events:
        if isinstance(event, WorkflowPaused):
            paused = True
        elif isinstance(event, WorkflowResumed | WorkflowStuck):
            paused = False
        elif paused and _goes_on(event):
            yield f"Expected nothing to go on while it is paused, but found {event}"


def _goes_on(event: Message) -> bool:
    if isinstance(event, TaskScheduled):
        return event.attempt > 1 and not event.losses and not event.fencing_token
    if isinstance(event, WorkflowMigrated):
        return False
    return isinstance(event, TimerFired) or (type(event) in ENDS and ENDS[type(event)] != "TERMINATED")


def _takes_over(run: History, runs: dict[str, History]) -> Iterator[str]:
    retried = run.started.retried
    reused = [event for _, event in run.events if isinstance(event, StepReused)]
    if retried is None:
        if reused:
            yield f"Expected nothing to be taken over, since it was not retried, but found {reused[0]}"
        return
    former = runs.get(retried.run_id)
    if former is None or former.end is None or ENDS[type(former.end)] in ("SUCCEEDED", "CONTINUED"):
        yield f"Expected a run that has failed before it, but found {former and former.end}"
        return
    if run.started.attempt != former.started.attempt + 1:
        yield f"Expected attempt {former.started.attempt + 1}, but found {run.started.attempt}"
    orders = [event.order for event in reused]
    if len(set(orders)) != len(orders):
        yield f"Expected each end to be taken over once, but found {sorted(orders)}"
    had = _successes(run.started.workflow_id, former, runs)
    for event in reused:
        if event.from_run != former.started.run_id:
            yield f"Expected it to be taken over from {former.started.run_id}, but found {event}"
        digest = event.digest if event.kind == "task" else b""
        if event.kind != RECEIVED and (event.node, event.index, digest, event.output) not in had:
            yield f"Expected a success of a run before, but found {event}"


def _successes(workflow_id: str, former: History, runs: dict[str, History]) -> set[tuple[str, int, bytes, bytes]]:
    """Return what the run before has, and what it had taken over itself, from whichever run: place, digest of a task's
    input, output.
    """
    found: set[tuple[str, int, bytes, bytes]] = set()
    for other in runs.values():
        if other.started.workflow_id == workflow_id and other.started.attempt <= former.started.attempt:
            found |= {
                (step.node, step.index, _digest(step), step.output)
                for step in other.steps.values()
                if step.status == "SUCCEEDED"
            }
    return found


def _digest(step: Step) -> bytes:
    """Return what stands for the input of a step, if it is a task's."""
    for event in step.events:
        if isinstance(event, TaskScheduled):
            return blake2b(event.input, digest_size=8).digest()
        if isinstance(event, StepReused) and event.kind == "task":
            return event.digest
    return b""


def _leaves_nothing(run: History, runs: dict[str, History], documents: dict[str, Any]) -> Iterator[str]:
    """What a graph's former run has of a task with the same input does not run again."""
    retried = run.started.retried
    if retried is None or retried.from_task or run.started.name not in documents or retried.run_id not in runs:
        return
    former = runs[retried.run_id]
    had = {
        (step.node, step.index, event.input)
        for step in former.steps.values()
        for event in step.events
        if isinstance(event, TaskScheduled) and step.status == "SUCCEEDED" and step.node != "on_exit"
    }
    for step in run.steps.values():
        first = step.events[0]
        again = isinstance(first, OPENERS) and not any(isinstance(e, TaskFailed | TaskTimedOut) for e in step.events)
        if again and isinstance(first, TaskScheduled) and (step.node, step.index, first.input) in had:
            yield f"Expected the success of the run before to be taken over, but found {first}"
