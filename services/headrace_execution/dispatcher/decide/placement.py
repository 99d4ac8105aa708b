"""Which worker gets which attempt: most free slots on the one side, highest priority and then oldest on the other.

Free slots are what a worker announced minus what it was given and has not ended. Since every assignment counts at once,
n attempts over m idle workers with equal slots are spread so that no two differ by more than one.

An attempt that was lost with its worker too often runs alone: on a worker that has nothing else to do, and gets nothing
else meanwhile, so that nobody else is blamed for the next loss. To come by such a worker, the least busy one that
offers the task gets nothing new.
"""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.dispatch_events import TaskAssigned, TaskQueued
from headrace.contracts.message import Message
from headrace.contracts.task_events import TaskScheduled
from headrace_execution.dispatcher.notes import notes_for
from headrace_execution.dispatcher.queues import Attempt
from headrace_execution.dispatcher.round import Round
from headrace_execution.dispatcher.state import DispatcherState, Worker


def admit(round_: Round) -> Iterator[Message]:
    """Assign the fresh attempts of a record where nothing that waits comes first; queue the others."""
    state = round_.state
    for task in sorted(round_.fresh.values(), key=lambda task: -task.priority):
        behind = task.losses >= state.quarantine_from or _next(state, task.queue) is not None
        worker = None if behind else pick(state, task.queue, task.task)
        if worker is None:
            yield TaskQueued(task=task, shard=round_.decision_shard, at=round_.now_ms)
        else:
            yield _assignment(round_, task, round_.decision_shard, worker)


def place(round_: Round, queue: str) -> Iterator[Message]:
    """Assign what waits in a queue for as long as there is a slot for it."""
    state = round_.state
    for attempt, worker in _alone(state, queue):
        yield _assignment(round_, attempt.task, attempt.shard, worker)
    while (found := _next(state, queue)) is not None:
        attempt, worker = found
        yield _assignment(round_, attempt.task, attempt.shard, worker)


def placeable(state: DispatcherState, queue: str) -> bool:
    """Tell whether something waits in a queue that could run now."""
    if queue not in state.queues.buckets:
        return False
    return _next(state, queue) is not None or next(_alone(state, queue), None) is not None


def _next(state: DispatcherState, queue: str) -> tuple[Attempt, Worker] | None:
    """Return the first attempt of a queue for which there is a worker with a free slot, and that worker."""
    found: tuple[Attempt, Worker] | None = None
    for task, bucket in state.queues.buckets.get(queue, {}).items():
        head = bucket.head()
        if head is None or (found is not None and found[0].order < head.order):
            continue
        worker = pick(state, queue, task)
        if worker is not None:
            found = (head, worker)
    return found


def pick(state: DispatcherState, queue: str, task: str) -> Worker | None:
    """Return the worker with the most free slots for a task, then the least busy, then who waits longest."""
    reserved = _reserved(state)
    best: tuple[int, int, int, str] | None = None
    for name in state.offers.get((queue, task), ()):
        worker = state.workers[name]
        free = worker.free(queue)
        if free <= 0 or worker.alone or name == reserved:
            continue
        rank = (-free, worker.busy, worker.last_assignment, name)
        if best is None or rank < best:
            best = rank
    return None if best is None else state.workers[best[3]]


def _alone(state: DispatcherState, queue: str) -> Iterator[tuple[Attempt, Worker]]:
    """Yield the attempts of a queue that must run alone and could, each with its worker."""
    for attempt in _quarantined(state):
        if attempt.task.queue == queue:
            worker = _emptiest(state, attempt)
            if worker is not None and worker.busy == 0:
                yield attempt, worker


def _reserved(state: DispatcherState) -> str:
    """Return the worker that is kept from new work for the sake of an attempt that runs alone; mostly empty."""
    for attempt in _quarantined(state):
        worker = _emptiest(state, attempt)
        if worker is not None:
            return worker.name
    return ""


def _quarantined(state: DispatcherState) -> list[Attempt]:
    return sorted(state.quarantine.values(), key=lambda attempt: attempt.order) if state.quarantine else []


def _emptiest(state: DispatcherState, attempt: Attempt) -> Worker | None:
    names = state.offers.get((attempt.task.queue, attempt.task.task), ())
    return min((state.workers[name] for name in names), key=lambda worker: (worker.busy, worker.name), default=None)


def _assignment(round_: Round, task: TaskScheduled, shard: int, worker: Worker) -> TaskAssigned:
    return TaskAssigned(
        assignment=round_.state.last_assignment + 1,
        worker=worker.name,
        session=worker.session,
        task=task,
        shard=shard,
        at=round_.now_ms,
        noted=notes_for(round_.state, task),
    )
