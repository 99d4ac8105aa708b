"""The clocks of the queues: who is next within a priority. Only `evolve` changes them.

There is a clock for as long as something of its priority waits: with nobody waiting there is nothing to be fair about.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush

from headrace.contracts.task_events import TaskScheduled
from headrace_execution.dispatcher.fairness import Clock, Turn, TurnKey
from headrace_execution.dispatcher.lanes import Attempt
from headrace_execution.dispatcher.rules import labels_of
from headrace_execution.dispatcher.state import DispatcherState

_NOBODY: TurnKey = ((), "")


def turn_of(task: TaskScheduled) -> TurnKey:
    """Return whose turn a task takes."""
    return _NOBODY if task.rules is None else (labels_of(task), task.rules.fairness_key)


def cost_of(task: TaskScheduled) -> float:
    """Return how far a task moves its key on."""
    return 1.0 if task.rules is None else task.rules.slots / task.rules.weight


def arrive(state: DispatcherState, attempt: Attempt) -> Turn:
    """Count an attempt that begins to wait, and return its turn."""
    where = (attempt.task.queue, attempt.task.priority)
    clock = state.clocks.get(where)
    if clock is None:
        clock = state.clocks[where] = Clock()
        state.ledger.clocks.made(where)
    key = turn_of(attempt.task)
    if key not in clock.turns:
        state.ledger.turns.made((*where, key))
    elif not clock.turns[key].waiting:
        state.ledger.turns.touched((*where, key))
    return clock.arrive(key)


def turn_in(state: DispatcherState, task: TaskScheduled) -> Turn:
    """Return the turn of a task that waits."""
    return state.clocks[task.queue, task.priority].turns[turn_of(task)]


def restore(state: DispatcherState, attempt: Attempt) -> Turn:
    """Count an attempt that comes out of a snapshot, as its turn does."""
    clock = state.clocks.setdefault((attempt.task.queue, attempt.task.priority), Clock())
    turn = clock.turns.setdefault(turn_of(attempt.task), Turn(clock.now))
    turn.waiting += 1
    clock.waiting += 1
    return turn


def leave(state: DispatcherState, attempt: Attempt) -> None:
    """Count an attempt that waits no more."""
    where = (attempt.task.queue, attempt.task.priority)
    clock = state.clocks[where]
    key = turn_of(attempt.task)
    if clock.leave(key):
        heappush(state.live.idle.setdefault(where, []), (clock.turns[key].tag, key))
    elif key not in clock.turns:
        state.ledger.turns.touched((*where, key))
    if not clock.waiting:
        del state.clocks[where]
        state.live.idle.pop(where, None)
        state.ledger.clocks.touched(where)
        for left in clock.turns:
            state.ledger.turns.touched((*where, left))


def charge(state: DispatcherState, task: TaskScheduled) -> None:
    """Move a key on by what it gets; forget the keys that have nothing waiting and are not ahead any more."""
    where = (task.queue, task.priority)
    clock = state.clocks.get(where)
    if clock is None:
        return
    key = turn_of(task)
    if key not in clock.turns:
        state.ledger.turns.made((*where, key))
    turn = clock.charge(key, cost_of(task))
    state.ledger.turns.touched((*where, key))
    state.ledger.clocks.touched(where)
    idle = state.live.idle.get(where)
    if not turn.waiting:
        idle = state.live.idle.setdefault(where, [])
        heappush(idle, (turn.tag, key))
    while idle and idle[0][0] <= clock.now:
        _, gone = heappop(idle)
        if clock.forget(gone):
            state.ledger.turns.touched((*where, gone))


def in_turn(state: DispatcherState, tasks: Iterable[TaskScheduled]) -> list[TaskScheduled]:
    """Return tasks that come together, in the order in which they would be served."""
    some = sorted(tasks, key=lambda task: -task.priority)
    if all(task.rules is None for task in some):
        return some
    tags: dict[tuple[str, int, TurnKey], float] = {}
    starts: list[float] = []
    for task in some:
        key = (task.queue, task.priority, turn_of(task))
        clock = state.clocks.get(key[:2])
        start = tags.get(key, 0.0 if clock is None else clock.start_of(key[2]))
        starts.append(start)
        tags[key] = start + cost_of(task)
    order = sorted(range(len(some)), key=lambda at: (-some[at].priority, starts[at], at))
    return [some[at] for at in order]
