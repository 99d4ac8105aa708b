"""Every workflow that was started ends once, as a plain model of its definition says."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace.contracts.child_events import ChildEnded, ChildRequested
from headrace.contracts.message import Message
from headrace.contracts.task_events import TaskReleased, TaskScheduled, TaskSucceeded
from headrace.contracts.timer_events import TimerCancelled, TimerFired, TimerStarted
from headrace.contracts.workflow_events import (
    WorkflowCancelled,
    WorkflowFailed,
    WorkflowStarted,
    WorkflowStuck,
    WorkflowSucceeded,
    WorkflowTerminated,
    WorkflowTimedOut,
)
from tests.support.checkers.history import Entry, History

ENDS = (WorkflowSucceeded, WorkflowFailed, WorkflowCancelled, WorkflowTerminated, WorkflowTimedOut)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """How a workflow must end: the last event's type, the output, and how often each task succeeds."""

    status: str
    output: Any = None
    succeeded: Mapping[str, int] = field(default_factory=dict)
    children: int = 0


def check_workflows(
    history: History, started: Mapping[str, Expectation], of_child: Callable[[WorkflowStarted], Expectation]
) -> list[str]:
    """Return what is wrong with the workflows. `started` says what is expected of each one that was started."""
    by_id: dict[str, list[Entry]] = {}
    for entry in history.entries:
        workflow_id = getattr(entry.event, "workflow_id", "")
        if entry.place.topic == "workflow.journal" and workflow_id:
            by_id.setdefault(workflow_id, []).append(entry)
    problems = []
    for workflow_id, expectation in started.items():
        problems += _check(workflow_id, [e.event for e in by_id.get(workflow_id, [])], expectation)
    for workflow_id in by_id.keys() - started.keys():
        events = [e.event for e in by_id[workflow_id]]
        first = next((e for e in events if isinstance(e, WorkflowStarted)), None)
        if first is None or first.parent is None:
            problems.append(f"{workflow_id}: nobody started it, but it has events")
        else:
            problems += _check(workflow_id, events, of_child(first))
    return problems


def _check(workflow_id: str, events: list[Message], expected: Expectation) -> list[str]:
    starts = [e for e in events if isinstance(e, WorkflowStarted)]
    ends = [e for e in events if isinstance(e, ENDS)]
    problems = []
    if len(starts) != 1 or len(ends) != 1:
        return [f"{workflow_id}: {len(starts)} starts and {len(ends)} ends instead of one each: {_names(events)}"]
    end = ends[0]
    if end.type_name() != expected.status:
        problems.append(f"{workflow_id}: {end.type_name()} instead of {expected.status}: {end}")
    elif isinstance(end, WorkflowSucceeded) and json.loads(end.output) != expected.output:
        problems.append(f"{workflow_id}: output {end.output!r} instead of {expected.output!r}")
    succeeded = Counter(e.task for e in events if isinstance(e, TaskSucceeded))
    if succeeded != Counter(expected.succeeded):
        problems.append(f"{workflow_id}: successes {dict(succeeded)} instead of {dict(expected.succeeded)}")
    if any(isinstance(e, WorkflowStuck) for e in events):
        problems.append(f"{workflow_id}: it was stuck")
    natural = not isinstance(end, WorkflowTerminated)
    problems += [*_attempts(workflow_id, events), *_timers(workflow_id, events, natural=natural)]
    return problems + _children(workflow_id, events, expected)


def _attempts(workflow_id: str, events: list[Message]) -> list[str]:
    """Attempts of a step are scheduled one after the other, each once (and again when it gave a lease back)."""
    problems = []
    seen: dict[int, int] = {}
    released: Counter[tuple[int, int]] = Counter()
    for event in events:
        if isinstance(event, TaskReleased):
            released[event.step, event.attempt] += 1
        elif isinstance(event, TaskScheduled):
            before = seen.get(event.step, 0)
            again = event.attempt == before and released[event.step, event.attempt] > 0
            if event.attempt != before + 1 and not again:
                problems.append(f"{workflow_id}: step {event.step} attempt {event.attempt} came after {before}")
            if again:
                released[event.step, event.attempt] -= 1
            seen[event.step] = event.attempt
    return problems


def _timers(workflow_id: str, events: list[Message], *, natural: bool) -> list[str]:
    started = {e.step: e for e in events if isinstance(e, TimerStarted)}
    over = Counter(e.step for e in events if isinstance(e, TimerFired | TimerCancelled))
    problems = [f"{workflow_id}: timer {step} was over {n} times" for step, n in over.items() if n > 1]
    problems += [f"{workflow_id}: timer {step} was never started" for step in over if step not in started]
    if natural:
        problems += [f"{workflow_id}: timer {step} never fired" for step in started if step not in over]
    for event in events:
        if isinstance(event, TimerFired) and event.step in started and event.at < started[event.step].due_at:
            problems.append(f"{workflow_id}: timer {event.step} fired {started[event.step].due_at - event.at} ms early")
    return problems


def _children(workflow_id: str, events: list[Message], expected: Expectation) -> list[str]:
    asked = [e.step for e in events if isinstance(e, ChildRequested)]
    ended = [e.step for e in events if isinstance(e, ChildEnded)]
    if len(asked) == len(ended) == expected.children and sorted(asked) == sorted(set(ended)):
        return []
    return [f"{workflow_id}: children {asked} asked for and {ended} ended instead of {expected.children}"]


def _names(events: list[Message]) -> str:
    return ", ".join(e.type_name() for e in events[-12:]) or "no events at all"
