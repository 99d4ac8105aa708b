"""At every step of a dispatcher: what is taken of slots and permits is what those that have them take, and no more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from headrace_execution.dispatcher.rules import QUEUE
from headrace_execution.dispatcher.state import FINISHED, Assignment, DispatcherState


def leaks(state: DispatcherState) -> Iterator[str]:
    """Yield what does not add up."""
    holding = [each for each in state.assignments.values() if each.phase != FINISHED]
    yield from _slots(state, holding)
    permits: dict[tuple[str, str, str], set[int]] = {}
    for each in holding:
        task = each.attempt.task
        named = [(limit.scope, limit.name) for limit in (task.rules.limits if task.rules is not None else ())]
        for scope, name in (*named, (QUEUE, "")):
            permits.setdefault((task.queue, scope, name), set()).add(each.number)
    for key, limit in state.limits.items():
        if set(limit.holders) != permits.get(key, set()):
            yield f"Expected {sorted(permits.get(key, ()))} to hold permits of {key}, but {sorted(limit.holders)} do"


def _slots(state: DispatcherState, holding: list[Assignment]) -> Iterator[str]:
    for worker in state.workers.values():
        taken: Counter[str] = Counter()
        for each in holding:
            if (each.worker, each.session) == (worker.name, worker.session):
                taken[each.queue] += each.slots
        if dict(taken) != worker.used:
            yield f"Expected {dict(taken)} slots of {worker.name} to be taken, but {worker.used} are"
        for queue in worker.offers:
            if worker.free(queue) < 0:
                yield f"Expected {worker.name} to have as many slots of {queue}, but {worker.used} are taken"
