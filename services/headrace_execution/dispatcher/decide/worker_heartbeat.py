"""WorkerHeartbeat: a worker is alive; what it holds, what it has finished, how far it has read."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.dispatch_events import AttemptsNoted
from headrace.contracts.message import Message
from headrace.contracts.reports import FinishedAssignment, WorkerHeartbeat
from headrace.contracts.worker_events import WorkerLost, WorkerMeasured, WorkerStopping
from headrace_execution.dispatcher.decide.ending import slots_free
from headrace_execution.dispatcher.decide.liveness import heard
from headrace_execution.dispatcher.decide.taking_back import take_back
from headrace_execution.dispatcher.notes import wanted
from headrace_execution.dispatcher.round import Round
from headrace_execution.dispatcher.state import RUNNING, Worker


def worker_heartbeat(round_: Round, report: WorkerHeartbeat) -> Iterator[Message]:
    """Compare a report with what the worker was given."""
    worker = round_.state.workers.get(report.worker)
    if worker is None:
        # It does not know that it was lost, or we never read its hello: told so, it says hello under a new session.
        yield WorkerLost(worker=report.worker, session=report.session, reason="silent", at=round_.now_ms)
        return
    if worker.session != report.session:
        return  # An older process of that name; it has been told that it was replaced.
    heard(round_, worker.name)
    if report.stopping and not worker.stopping:
        yield WorkerStopping(worker=worker.name, session=worker.session, at=round_.now_ms)
    kept = list(wanted(round_.state, report.notes, worker.name, worker.session)) if report.notes else []
    if kept:
        yield AttemptsNoted(worker=worker.name, session=worker.session, notes=kept, at=round_.now_ms)
    if report.gauges:
        yield WorkerMeasured(worker=worker.name, session=worker.session, gauges=report.gauges, at=round_.now_ms)
    yield from _compare(round_, worker, report)


def _compare(round_: Round, worker: Worker, report: WorkerHeartbeat) -> Iterator[Message]:
    state = round_.state
    holds, back = frozenset(report.holds), frozenset(report.handed_back)
    finished = {entry.assignment: entry for entry in report.finished}
    over: list[int] = []
    awaiting: list[FinishedAssignment] = []
    requeue: list[tuple[int, str]] = []
    for number in worker.numbers():
        if number in holds and number not in back:
            continue
        given_up = number in back or number in finished or number <= report.read_assignment
        if not given_up:
            continue  # It has not read of it yet.
        if state.assignments[number].phase != RUNNING:
            over.append(number)
        elif number in finished:
            # The end mostly comes by itself within milliseconds; only a second report frees the slot without it.
            if number in state.live.reported:
                awaiting.append(finished[number])
            state.live.reported[number] = (finished[number].partition, finished[number].offset)
        else:
            requeue.append((number, "handed_back" if number in back else "unread"))
    for number in report.beats:
        if number in state.assignments:
            state.live.beats[number] = round_.now_ms
    yield from slots_free(round_, over, awaiting)
    for number, reason in requeue:
        yield from take_back(round_, state.assignments[number], reason, blame=False)
