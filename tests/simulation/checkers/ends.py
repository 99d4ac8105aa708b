"""Every run ends as its definition demands, given how its steps ended: a plain model of graphs and scripts."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import msgspec

from headrace.contracts.child_events import ChildEnded, ChildRequested
from headrace.contracts.control_events import WorkflowResumed
from headrace.contracts.rebuild_events import RebuildBegun, RebuildEnded
from headrace.contracts.record_events import WorkflowContinued
from headrace.contracts.task_events import TaskScheduled
from headrace.contracts.workflow_events import WorkflowFailed, WorkflowStarted, WorkflowSucceeded
from tests.simulation.checkers.histories import ENDS, History, Step
from tests.simulation.workflows.keeping import NAME as KEEP
from tests.simulation.workflows.scripts import NAME
from tests.simulation.workflows.waiters import WAITER

Documents = dict[str, dict[str, Any]]


def check(documents: Documents, runs: dict[str, History]) -> Iterator[str]:
    """Yield what is wrong."""
    for run in runs.values():
        for problem in (*run.problems, *_run(documents, run, runs), *_children(run, runs)):
            yield f"{run.name}: {problem}"


def _run(documents: Documents, run: History, runs: dict[str, History]) -> Iterator[str]:
    trap = "trap" in documents.get(run.started.name, {}).get("tasks", ())
    if run.stuck is not None and not trap:
        yield f"Expected it not to be stuck, but found {run.stuck}"
        return
    if any(isinstance(event, TaskScheduled) and event.node == "trap" for _, event in run.events):
        yield "Expected nothing in the journal that cannot be folded, but found the trap"
    if run.end is None:
        yield f"Expected an end, but it is {run.status}"
        return
    status = ENDS[type(run.end)]
    if status == "TERMINATED":
        return  # that somebody asked for it is checked with the commands
    open_steps = [step.number for step in run.steps.values() if not step.status]
    if open_steps and not _left_alone(run, open_steps):
        yield f"Expected every step to have ended, but {open_steps} have not"
    if status == "CONTINUED":
        return
    if run.cancel is not None:
        wanted = "TIMED_OUT" if run.cancel.reason == "headrace.WorkflowTimedOut" else "CANCELLED"
        if status != wanted and not _asked_while_behind(run, runs):
            yield f"Expected {wanted} after {run.cancel}, but found {run.end}"
        return
    yield from _unasked(documents, run, status)


def _unasked(documents: Documents, run: History, status: str) -> Iterator[str]:
    """Nobody asked for a run's end: it is what its definition says."""
    if status not in ("SUCCEEDED", "FAILED"):
        yield f"Expected success or failure, since nobody asked for anything else, but found {run.end}"
    elif run.started.name == WAITER:
        if status != "SUCCEEDED":
            yield f"Expected success, but found {run.end}"
    elif run.started.name == KEEP:
        return  # `keeping.py` looks at all of its runs
    elif run.started.name == NAME:
        yield from _script(run)
    else:
        yield from _graph(documents[run.started.name], run)


def _asked_while_behind(run: History, runs: dict[str, History]) -> bool:
    """Tell whether a run was asked to end while its coroutine was being rebuilt, or stood still until that very request
    made it go on: from what was recorded before it may have come to its end, or to where it went on as the run that is
    looked at.
    """
    for asked in runs.values():
        rebuilt, before = False, None
        for _, event in asked.events if asked.cancel is run.cancel else ():
            if isinstance(event, RebuildBegun | RebuildEnded):
                rebuilt = isinstance(event, RebuildBegun)
            elif event is run.cancel:
                return rebuilt or isinstance(before, WorkflowResumed)
            before = event
    return False


def _left_alone(run: History, steps: list[int]) -> bool:
    """Tell whether steps are children that their parent was to leave alone."""
    asked = [run.steps[number].events[0] for number in steps]
    return all(isinstance(event, ChildRequested) and event.parent_close == "abandon" for event in asked)


def _children(run: History, runs: dict[str, History]) -> Iterator[str]:
    for step in run.steps.values():
        for event in step.events:
            if not isinstance(event, ChildEnded) or (run.started.retried and event.error == "headrace.AlreadyExists"):
                continue  # what the run before a retry gave up may still clean up, or be stuck
            ends = [
                child.end
                for child in runs.values()
                if child.started.workflow_id == event.child_id
                and child.started.parent is not None
                and child.started.parent.run_id == run.started.run_id
                and not isinstance(child.end, WorkflowContinued)
            ]
            if len(ends) != 1 or ends[0] is None or ENDS[type(ends[0])] != event.status:
                yield f"Expected the child of step {step.number} to have ended as {event}, but it did as {ends}"


# --- scripts ----------------------------------------------------------------------------------------------------------


def _script(run: History) -> Iterator[str]:
    plan = _input(run.started)["plan"]
    steps = deque(run.steps[number] for number in sorted(run.steps))
    found: list[list[Any]] = []
    for what, *rest in plan:
        match what:
            case "run" | "child":
                found.append(_one(steps.popleft() if steps else None))
            case "sleep":
                found.append(["slept"] if steps and steps.popleft().status == "SUCCEEDED" else [])
            case "map":
                # Items are begun in order; after a failure no more are.
                taken: list[Step] = []
                while len(taken) < rest[1] and steps and steps[0].index == len(taken):
                    taken.append(steps.popleft())
                found.append(_several(taken, rest[1]))
            case "gather":
                taken = [steps.popleft() for _ in range(min(len(rest[0]), len(steps)))]
                found.append(_several(taken, len(rest[0])))
    if steps:
        yield f"Expected no more steps than the plan {plan} has, but found {steps}"
    if not isinstance(run.end, WorkflowSucceeded):
        yield f"Expected success, but found {run.end}"
        return
    output = msgspec.json.decode(run.end.output)
    if len(output) != len(found) or any(value not in allowed for value, allowed in zip(output, found, strict=True)):
        yield f"Expected the plan {plan} to come to one of {found} each, but found {output}"


def _one(step: Step | None) -> list[Any]:
    if step is None:
        return []
    if step.status == "SUCCEEDED":
        return [msgspec.json.decode(step.output)]
    return [{"error": step.error or f"headrace.{step.status}"}]


def _several(steps: list[Step], count: int) -> list[Any]:
    """Return what several at once may come to: all results, or any of their failures."""
    failed = [step for step in steps if step.status not in ("SUCCEEDED", "CANCELLED")]
    if failed:
        return [{"error": step.error} for step in failed]
    succeeded = [step for step in steps if step.status == "SUCCEEDED"]
    return [[msgspec.json.decode(step.output) for step in succeeded]] if len(succeeded) == count else []


# --- graphs -----------------------------------------------------------------------------------------------------------


def _graph(document: dict[str, Any], run: History) -> Iterator[str]:
    given = _input(run.started)
    by_node: dict[str, list[Step]] = {}
    for step in run.steps.values():
        by_node.setdefault(step.node, []).append(step)
    statuses: dict[str, str] = {}
    errors: list[str] = []
    for name, node in document["tasks"].items():
        status, error, problem = _node(node, by_node.get(name, []), statuses, document["tasks"], given)
        if problem:
            yield f"task {name}: {problem}"
            return
        statuses[name] = status
        if error and node.get("significant", True):
            errors.append(error)
    exit_error = ""
    if "on_exit" in document:
        [last] = by_node.get("on_exit", [None])
        if last is None:
            yield "Expected on_exit to run, but it did not"
            return
        exit_error = "" if last.status == "SUCCEEDED" else last.error
    if errors or exit_error:
        if not isinstance(run.end, WorkflowFailed) or run.end.error not in (errors or [exit_error]):
            yield f"Expected it to fail with one of {errors or [exit_error]}, but found {run.end}"
        return
    wanted: Any = {"n": given["n"], **statuses}
    if document["name"] == "leaf":
        wanted = msgspec.json.decode(by_node["a"][0].output)
    if not isinstance(run.end, WorkflowSucceeded) or msgspec.json.decode(run.end.output) != wanted:
        yield f"Expected {wanted}, but found {run.end}"


def _node(
    node: dict[str, Any], steps: list[Step], statuses: dict[str, str], nodes: dict[str, Any], given: dict[str, Any]
) -> tuple[str, str, str]:
    """Return the status of a node, the error if it failed, and what is wrong with its steps."""
    seen = []
    for need in node.get("needs", ()):
        succeeded = statuses[need] == "SUCCEEDED"
        minor = not nodes[need].get("significant", True)
        seen.append("ok" if succeeded else "skipped" if minor or statuses[need] == "SKIPPED" else "failed")
    verdict = _verdict(node.get("run_if", "all_succeeded"), failed="failed" in seen, skipped="skipped" in seen)
    if not verdict and node.get("when") is False:
        verdict = "SKIPPED"
    if verdict:
        found = [step.status for step in steps]
        return verdict, "", "" if found == [verdict] else f"Expected it to be {verdict}, but found {found}"
    if "foreach" not in node:
        if len(steps) != 1 or not steps[0].status:
            return "", "", f"Expected one step, but found {steps}"
        return steps[0].status, "" if steps[0].status == "SUCCEEDED" else steps[0].error, ""
    return _fan_out(node, steps, given)


def _verdict(run_if: str, *, failed: bool, skipped: bool) -> str:
    match run_if:
        case "all_succeeded":
            return "UPSTREAM_FAILED" if failed else "SKIPPED" if skipped else ""
        case "none_failed":
            return "UPSTREAM_FAILED" if failed else ""
        case "all_done":
            return ""
    return "" if failed else "SKIPPED"


def _fan_out(node: dict[str, Any], steps: list[Step], given: dict[str, Any]) -> tuple[str, str, str]:
    items = {step.index: step for step in steps if step.index >= 0}
    failures = [step for step in items.values() if step.status not in ("SUCCEEDED", "CANCELLED")]
    ends = [step.status for step in steps if step.index < 0]
    if len(failures) > node.get("tolerate", 0):
        wanted = "FAILED"
    else:
        wanted = "SUCCEEDED"
        if sorted(items) != list(range(len(given["items"]))):
            return "", "", f"Expected {len(given['items'])} items, but found {sorted(items)}"
        if any(step.status == "CANCELLED" for step in items.values()):
            return "", "", "Expected no item to be cancelled, but some were"
    if ends != [wanted]:
        return "", "", f"Expected it to end as {wanted}, but found {ends}"
    return wanted, failures[-1].error if wanted == "FAILED" else "", ""


def _input(started: WorkflowStarted) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(started.input)
    return found
