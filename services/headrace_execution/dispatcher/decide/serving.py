"""Whether anybody could run an attempt that waits: told when it is not so, and when it is so again."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.dispatch_events import TaskServed, TaskUnserved
from headrace.contracts.message import Message
from headrace.engine.task_versions import described, may_run
from headrace_execution.dispatcher.decide.offering import serving
from headrace_execution.dispatcher.lanes import Attempt
from headrace_execution.dispatcher.queues import Shape
from headrace_execution.dispatcher.round import Round
from headrace_execution.dispatcher.rules import Labels
from headrace_execution.dispatcher.state import DispatcherState


def tell(round_: Round, queue: str, task: str) -> Iterator[Message]:
    """Tell of every attempt that waits for a task whether it is served, where that is not what was told last."""
    for shape in round_.state.queues.of_task(queue, task):
        yield from _tell(round_, queue, shape)


def untold(state: DispatcherState, queue: str, task: str) -> bool:
    """Tell whether an attempt that waits for a task was told the opposite of what is so."""
    return any(
        shape.unserved if _served(state, queue, shape) else shape.served for shape in state.queues.of_task(queue, task)
    )


def _tell(round_: Round, queue: str, shape: Shape) -> Iterator[Message]:
    if _served(round_.state, queue, shape):
        for attempt in sorted(shape.unserved.values(), key=_arrival):
            run_id, step, number = attempt.key
            yield TaskServed(
                workflow_id=attempt.task.workflow_id, run_id=run_id, step=step, attempt=number, at=round_.now_ms
            )
        return
    reason = _reason(round_.state, queue, shape)
    for attempt in sorted(shape.served.values(), key=_arrival):
        run_id, step, number = attempt.key
        yield TaskUnserved(
            workflow_id=attempt.task.workflow_id,
            run_id=run_id,
            step=step,
            attempt=number,
            queue=queue,
            reason=reason,
            at=round_.now_ms,
        )


def _served(state: DispatcherState, queue: str, shape: Shape) -> bool:
    return bool(serving(state, queue, shape.key))


def _arrival(attempt: Attempt) -> int:
    return attempt.arrival


def _reason(state: DispatcherState, queue: str, shape: Shape) -> str:
    task, slots, labels, _, wanted, _ = shape.key
    offering = state.offers.get((queue, task), ())
    if offering:
        found = {state.workers[name].version(queue, task) for name in offering}
        if not any(may_run(version, *wanted) for version in found):
            versions = ", ".join(sorted(found))
            return (
                f"no worker offers task '{task}' on queue '{queue}' in {described(*wanted)}, which its workflow was "
                f"deployed with; found {versions}"
            )
        of_version = f" in {described(*wanted)}" if wanted[0] else ""
        return f"no worker that offers task '{task}'{of_version} on queue '{queue}' has {_needs(slots, labels)}"
    elsewhere = sorted(other for other, offered in state.offers if offered == task)
    hint = f"; it is offered on {', '.join(elsewhere)}" if elsewhere else ""
    return f"no worker offers task '{task}' on queue '{queue}'{hint}"


def _needs(slots: int, labels: Labels) -> str:
    needs = [f"{slots} slots"] if slots > 1 else []
    if labels:
        needs.append("the labels " + ", ".join(f"{name}={value}" for name, value in labels))
    return " and ".join(needs)
