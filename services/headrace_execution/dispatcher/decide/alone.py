"""Attempts that must run alone, and the worker that is kept empty for them."""

from __future__ import annotations

from collections.abc import Iterator

from headrace_execution.dispatcher.decide.offering import candidates
from headrace_execution.dispatcher.lanes import Attempt
from headrace_execution.dispatcher.permits import limits_of
from headrace_execution.dispatcher.queues import Closed
from headrace_execution.dispatcher.rules import shape_of
from headrace_execution.dispatcher.state import DispatcherState, Worker


def could_run_alone(state: DispatcherState, queue: str, closed: Closed) -> Iterator[tuple[Attempt, Worker]]:
    """Yield the attempts of a queue that must run alone and could, each with its worker."""
    for attempt in _quarantined(state):
        if attempt.task.queue == queue and closed(limits_of(state, attempt.task)) is None:
            worker = _emptiest(state, attempt)
            if worker is not None and worker.busy == 0:
                yield attempt, worker


def kept_empty(state: DispatcherState) -> str:
    """Return the worker that is kept from new work for the sake of an attempt that runs alone; mostly empty."""
    for attempt in _quarantined(state):
        worker = _emptiest(state, attempt)
        if worker is not None:
            return worker.name
    return ""


def _quarantined(state: DispatcherState) -> list[Attempt]:
    if not state.quarantine:
        return []
    return sorted(state.quarantine.values(), key=lambda attempt: (-attempt.task.priority, attempt.arrival))


def _emptiest(state: DispatcherState, attempt: Attempt) -> Worker | None:
    names = candidates(state, attempt.task.queue, shape_of(attempt.task, attempt.side))
    return min((state.workers[name] for name in names), key=lambda worker: (worker.busy, worker.name), default=None)
