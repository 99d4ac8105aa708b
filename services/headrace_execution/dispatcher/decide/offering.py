"""Which workers could run a task if they had nothing else to do."""

from __future__ import annotations

from headrace_execution.dispatcher.rules import Labels
from headrace_execution.dispatcher.state import DispatcherState


def serving(state: DispatcherState, queue: str, task: str, slots: int, labels: Labels) -> list[str]:
    """Return the workers that offer a task on a queue, with as many slots and with the labels."""
    names = state.offers.get((queue, task), ())
    if slots == 1 and not labels:
        return list(names)
    return [name for name in names if state.workers[name].fits(queue, slots, labels)]
