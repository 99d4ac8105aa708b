"""Canaries: a share of a queue's tasks of one name goes to workers with another version, until it is taken back.

Which tasks those are is no chance: a task's place between 0 and 1 follows from its run and step, so it is the same for
all its attempts, on every dispatcher, and in a replay; a larger share has the tasks of a smaller one in it. Whoever is
chosen goes to workers with the version, everybody else to the others. Where no living worker of its side could run a
task, it goes to the other side: a canary never holds anything up.

`evolve` alone changes what is here.
"""

from __future__ import annotations

import hashlib

from headrace.contracts.dispatch_events import CanaryCleared, CanarySet
from headrace.contracts.task_events import TaskScheduled
from headrace_execution.dispatcher import turns
from headrace_execution.dispatcher.rules import NO_CANARY
from headrace_execution.dispatcher.state import Canary, DispatcherState

CHOSEN, OTHERS = 1, 2
"""The sides of a canary."""


def side_of(state: DispatcherState, task: TaskScheduled) -> int:
    """Return the side of a task; `NO_CANARY` where there is none for it."""
    canary = state.canaries.get((task.queue, task.task)) if state.canaries else None
    if canary is None:
        return NO_CANARY
    return CHOSEN if place_of(task.run_id, task.step) < canary.share else OTHERS


def place_of(run_id: str, step: int) -> float:
    """Return the place of a task, from 0 to below 1; places are spread evenly."""
    digest = hashlib.blake2b(f"{run_id}/{step}".encode(), digest_size=6).digest()
    return int.from_bytes(digest, "big") / 2**48


def canary_set(state: DispatcherState, event: CanarySet) -> None:
    """A share goes to a version from here on, of what waits already, too."""
    state.canaries[event.queue, event.task] = Canary(event.version, event.share)
    _changed(state, event.queue, event.task)


def canary_cleared(state: DispatcherState, event: CanaryCleared) -> None:
    """All versions are alike again."""
    if state.canaries.pop((event.queue, event.task), None) is not None:
        _changed(state, event.queue, event.task)


def _changed(state: DispatcherState, queue: str, task: str) -> None:
    state.ledger.canaries.touched((queue, task))
    waiting = [
        attempt
        for shape in list(state.queues.of_task(queue, task))
        for attempt in (*shape.served.values(), *shape.unserved.values())
    ]
    for attempt in sorted(waiting, key=lambda attempt: attempt.arrival):
        state.queues.remove(attempt)
        attempt.side = side_of(state, attempt.task)
        state.queues.put(attempt, turns.turn_in(state, attempt.task))
    state.live.dirty[queue] = None
