"""Which worker gets which attempt, and in what order.

*Order*: the highest priority over the whole queue, then whose turn it is (`fairness.py`), then who came first. What a
limit holds back, or what no worker has room for, does not hold up what comes after it.

*Worker*: the one with the largest share of its slots free. Since every assignment counts at once, n attempts over m
workers with equal slots are spread so that no two differ by more than one, and in proportion where slots differ. A
worker that an attempt prefers is taken while it has room: nobody waits for one that is busy.

An attempt that takes several slots would wait for ever where others take each slot that becomes free. So the worker
with most of them free is kept for the first such attempt: nothing that comes after it begins there.

An attempt that was lost with its worker too often runs alone: on a worker that has nothing else to do, and gets nothing
else meanwhile, so that nobody else is blamed for the next loss. To come by such a worker, the least busy one that
offers the task gets nothing new.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from headrace.contracts.dispatch_events import TaskAssigned, TaskQueued
from headrace.contracts.message import Message
from headrace.contracts.task_events import TaskScheduled
from headrace_execution.dispatcher.canaries import side_of
from headrace_execution.dispatcher.decide.alone import could_run_alone, kept_empty
from headrace_execution.dispatcher.decide.offering import candidates
from headrace_execution.dispatcher.lanes import Attempt
from headrace_execution.dispatcher.notes import notes_for
from headrace_execution.dispatcher.permits import gatekeeper, limits_of
from headrace_execution.dispatcher.queues import Closed
from headrace_execution.dispatcher.round import Round
from headrace_execution.dispatcher.rules import (
    ANY_VERSION,
    QUEUE,
    Labels,
    ShapeKey,
    labels_of,
    shape_of,
    slots_of,
    wanted_of,
)
from headrace_execution.dispatcher.state import DispatcherState, Worker
from headrace_execution.dispatcher.turns import in_turn


def admit(round_: Round) -> Iterator[Message]:
    """Assign the fresh attempts of a record where nothing that waits comes first; queue the others."""
    state = round_.state
    if not round_.fresh:
        return
    closed = gatekeeper(state, round_.now_ms)
    waiting: dict[str, bool] = {}
    full: set[tuple[str, ShapeKey]] = set()
    for task in in_turn(state, round_.fresh.values()):
        if state.quarantine or task.queue not in waiting:
            search = Search(state, task.queue, closed)
            # Where a worker is kept for somebody, the order decides: everything goes through the queue.
            waiting[task.queue] = search.next() is not None or bool(search.kept)
        worker = None
        if not waiting[task.queue] and task.losses < state.quarantine_from:
            limits = limits_of(state, task)
            shape = shape_of(task, side_of(state, task))
            if (task.queue, shape) not in full and (not limits or closed(limits) is None):
                worker = pick(state, task)
                if worker is None:  # nothing but assignments happens here: the next one like it has no room either
                    full.add((task.queue, shape))
        if worker is None:
            waiting[task.queue] |= slots_of(task) > 1
            yield TaskQueued(task=task, shard=round_.decision_shard, at=round_.now_ms)
        else:
            yield _assignment(round_, task, round_.decision_shard, worker)


def place(round_: Round, queue: str) -> Iterator[Message]:
    """Assign what waits in a queue for as long as there is room for it."""
    state = round_.state
    closed = gatekeeper(state, round_.now_ms)
    for attempt, worker in could_run_alone(state, queue, closed):
        yield _assignment(round_, attempt.task, attempt.shard, worker)
    search = Search(state, queue, closed)
    while (found := search.next()) is not None:
        attempt, worker = found
        yield _assignment(round_, attempt.task, attempt.shard, worker)


def placeable(state: DispatcherState, queue: str) -> bool:
    """Tell whether something waits in a queue that could run now."""
    if queue not in state.queues.shapes:
        return False
    closed = gatekeeper(state, state.live.now_ms)
    if Search(state, queue, closed).next() is not None:
        return True
    return next(could_run_alone(state, queue, closed), None) is not None


class Search:
    """Looks for what can run in a queue while nothing but assignments happens: what has no room then, gets none."""

    def __init__(self, state: DispatcherState, queue: str, closed: Closed) -> None:
        self._state = state
        self._queue = queue
        self._closed = closed
        self._full: set[ShapeKey] = set()
        self.kept = ""
        """The worker that is kept for an attempt that needs several of its slots."""

    def next(self) -> tuple[Attempt, Worker] | None:
        """Return the first attempt of the queue for which there is a worker with room, and that worker."""
        state, self.kept = self._state, ""
        shapes = state.queues.shapes.get(self._queue)
        if shapes is None or self._closed(((self._queue, QUEUE, ""),)) is not None:
            return None
        found = [shape.head(self._closed) for key, shape in shapes.items() if key not in self._full]
        heads = [head for head in found if head is not None]
        if len(heads) > 1:
            heads.sort(key=lambda head: head[0])
        for _, attempt in heads:
            worker = pick(state, attempt.task, self.kept)
            if worker is not None:
                return attempt, worker
            if slots_of(attempt.task) > 1:
                self.kept = self.kept or _roomiest(state, attempt.task)
            elif not self.kept:
                self._full.add(shape_of(attempt.task, attempt.side))
        return None


def pick(state: DispatcherState, task: TaskScheduled, kept: str = "") -> Worker | None:
    """Return the preferred worker if it has room; else the one with the largest share of its slots free, then the least
    busy, then who waits longest.
    """
    queue = task.queue
    reserved = kept_empty(state) if state.quarantine else ""
    slots, preferred = 1, ""
    labels: Labels = ()
    wanted = ANY_VERSION
    if task.rules is not None:
        slots, labels, wanted = task.rules.slots, labels_of(task), wanted_of(task)
        preferred = _preferred(state, task, task.rules.prefer) if task.rules.prefer else ""
    best: tuple[float, int, int, str] | None = None
    names: Iterable[str] = state.offers.get((queue, task.task), ())
    if state.canaries and (side := side_of(state, task)):
        names = candidates(state, queue, shape_of(task, side))
    workers, checked = state.workers, bool(labels) or wanted is not ANY_VERSION
    for name in names:
        worker = workers[name]
        offered = worker.offers[queue].slots
        free = offered - worker.used.get(queue, 0)
        if free < slots or worker.alone or name in (reserved, kept):
            continue
        if checked and not worker.fits(queue, task.task, slots, labels, wanted):
            continue
        if name == preferred:
            return worker
        rank = (-free / offered, worker.busy, worker.last_assignment, name)
        if best is None or rank < best:
            best = rank
    return None if best is None else state.workers[best[3]]


def _preferred(state: DispatcherState, task: TaskScheduled, prefer: str) -> str:
    return prefer if prefer in state.workers else state.sticky.get((task.queue, prefer), "")


def _roomiest(state: DispatcherState, task: TaskScheduled) -> str:
    """Return the worker on which most slots are free, of those that have as many as a task needs."""
    names = candidates(state, task.queue, shape_of(task, side_of(state, task)))
    return min(names, key=lambda name: (-state.workers[name].free(task.queue), name), default="")


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
