"""Backlogs that are full: told when it is so and when it is so no more; where that is the policy, more is refused."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.dispatch_events import AttemptRefused, BacklogCleared, BacklogFull
from headrace.contracts.message import Message
from headrace.contracts.task_events import TaskScheduled
from headrace_execution.dispatcher.round import REFUSE, QueueLimit, Round


def refused(round_: Round, task: TaskScheduled) -> AttemptRefused | None:
    """Return the refusal of a task that would have to wait; None where it may. What was lost with a worker may."""
    for limit in round_.limits.queues:
        if limit.queue == task.queue and limit.backlog and limit.when_full == REFUSE and not task.losses:
            waiting = round_.state.queues.waiting.get(task.queue, 0)
            if waiting >= limit.backlog:
                return _refusal(round_, task, waiting, limit.backlog)
    return None


def tell_backlogs(round_: Round) -> Iterator[Message]:
    """Tell which backlogs are full, and which are down to four fifths of what they may hold."""
    state = round_.state
    limits = {limit.queue: limit for limit in round_.limits.queues if limit.backlog}
    for queue in sorted({*limits, *state.full}):
        limit = limits.get(queue, QueueLimit(queue=queue))
        waiting = state.queues.waiting.get(queue, 0)
        if queue not in state.full:
            if waiting >= limit.backlog:
                yield BacklogFull(
                    queue=queue, waiting=waiting, backlog=limit.backlog, when_full=limit.when_full, at=round_.now_ms
                )
        elif not limit.backlog or waiting * 5 <= limit.backlog * 4:
            yield BacklogCleared(
                queue=queue, waiting=waiting, backlog=limit.backlog, when_full=limit.when_full, at=round_.now_ms
            )


def _refusal(round_: Round, task: TaskScheduled, waiting: int, backlog: int) -> AttemptRefused:
    return AttemptRefused(
        workflow_id=task.workflow_id,
        run_id=task.run_id,
        step=task.step,
        attempt=task.attempt,
        to_shard=round_.decision_shard,
        fencing_token=task.fencing_token,
        reason=f"Expected room in queue {task.queue}, but {waiting} tasks wait there, of at most {backlog}",
        at=round_.now_ms,
    )
