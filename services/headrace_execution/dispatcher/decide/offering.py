"""Which workers could run a task if they had nothing else to do."""

from __future__ import annotations

from headrace_execution.dispatcher.canaries import CHOSEN
from headrace_execution.dispatcher.rules import ANY_VERSION, ShapeKey
from headrace_execution.dispatcher.state import DispatcherState


def serving(state: DispatcherState, queue: str, shape: ShapeKey) -> list[str]:
    """Return the workers that offer a task on a queue, with as many slots, the labels, and a version that will do."""
    task, slots, labels, _, wanted, _ = shape
    names = state.offers.get((queue, task), ())
    if slots == 1 and not labels and wanted == ANY_VERSION:
        return list(names)
    return [name for name in names if state.workers[name].fits(queue, task, slots, labels, wanted)]


def candidates(state: DispatcherState, queue: str, shape: ShapeKey) -> list[str]:
    """Return those of them that a canary leaves: of its side, if there are any. Nothing waits because of a canary."""
    names = serving(state, queue, shape)
    task, side = shape[0], shape[5]
    canary = state.canaries.get((queue, task))
    if canary is None or not side:
        return names
    chosen = side == CHOSEN
    of_side = [name for name in names if (state.workers[name].version(queue, task) == canary.version) == chosen]
    return of_side or names
