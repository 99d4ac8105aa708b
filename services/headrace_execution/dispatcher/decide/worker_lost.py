"""A worker is lost: it went silent, or came back under a new session."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.message import Message
from headrace.contracts.reports import FinishedAssignment
from headrace.contracts.worker_events import WorkerLost
from headrace_execution.dispatcher.decide.ending import slots_free
from headrace_execution.dispatcher.decide.taking_back import take_back
from headrace_execution.dispatcher.round import Round
from headrace_execution.dispatcher.state import RUNNING, Worker


def lose(round_: Round, worker: Worker, reason: str) -> Iterator[Message]:
    """Take back what a worker was given, and forget the worker. `reason` is silent or replaced."""
    yield from clear(round_, worker, "lost", blame=True)
    yield WorkerLost(worker=worker.name, session=worker.session, reason=reason, at=round_.now_ms)


def clear(round_: Round, worker: Worker, reason: str, *, blame: bool) -> Iterator[Message]:
    """Settle every assignment that a worker leaves behind. What it had finished waits for its result."""
    state = round_.state
    over: list[int] = []
    awaiting: list[FinishedAssignment] = []
    lost: list[int] = []
    for number in worker.numbers():
        if state.assignments[number].phase != RUNNING:
            over.append(number)
        elif number in state.live.reported:
            partition, offset = state.live.reported[number]
            awaiting.append(FinishedAssignment(assignment=number, partition=partition, offset=offset))
        else:
            lost.append(number)
    yield from slots_free(round_, over, awaiting)
    for number in lost:
        yield from take_back(round_, state.assignments[number], reason, blame=blame)
