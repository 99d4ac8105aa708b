"""Slots become free."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from headrace.contracts.dispatch_events import AssignmentsEnded
from headrace.contracts.message import Message
from headrace.contracts.reports import FinishedAssignment
from headrace_execution.dispatcher.round import Round


def slots_free(
    round_: Round,
    numbers: Iterable[int],
    awaiting: Iterable[FinishedAssignment] = (),
    retrying: Iterable[int] = (),
) -> Iterator[Message]:
    """Tell in one event which assignments take no slot any more; those in `awaiting` still wait for their ends."""
    waiting = list(awaiting)
    all_numbers = [*numbers, *(finished.assignment for finished in waiting)]
    if not all_numbers:
        return
    assignments = round_.state.assignments
    workers = dict.fromkeys(assignments[number].worker for number in all_numbers if number in assignments)
    yield AssignmentsEnded(
        assignments=all_numbers,
        workers=list(workers),
        awaiting=waiting,
        retrying=list(retrying),
        at=round_.now_ms,
    )
