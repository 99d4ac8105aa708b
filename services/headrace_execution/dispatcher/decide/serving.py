"""Whether anybody offers the task that an attempt waits for: told when it is not so, and when it is so again."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.dispatch_events import TaskServed, TaskUnserved
from headrace.contracts.message import Message
from headrace_execution.dispatcher.queues import Attempt
from headrace_execution.dispatcher.round import Round
from headrace_execution.dispatcher.state import DispatcherState


def tell(round_: Round, queue: str, task: str) -> Iterator[Message]:
    """Tell of every attempt that waits for a task whether it is served, where that is not what was told last."""
    bucket = round_.state.queues.bucket(queue, task)
    if bucket is None:
        return
    if (queue, task) in round_.state.offers:
        for attempt in sorted(bucket.unserved.values(), key=_arrival):
            run_id, step, number = attempt.key
            yield TaskServed(
                workflow_id=attempt.task.workflow_id, run_id=run_id, step=step, attempt=number, at=round_.now_ms
            )
        return
    reason = _reason(round_, queue, task)
    for attempt in sorted(bucket.served.values(), key=_arrival):
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


def untold(state: DispatcherState, queue: str, task: str) -> bool:
    """Tell whether an attempt that waits for a task was told the opposite of what is so."""
    bucket = state.queues.bucket(queue, task)
    if bucket is None:
        return False
    return bool(bucket.unserved if (queue, task) in state.offers else bucket.served)


def _arrival(attempt: Attempt) -> int:
    return attempt.arrival


def _reason(round_: Round, queue: str, task: str) -> str:
    elsewhere = sorted(other for other, offered in round_.state.offers if offered == task)
    hint = f"; it is offered on {', '.join(elsewhere)}" if elsewhere else ""
    return f"no worker offers task '{task}' on queue '{queue}'{hint}"
