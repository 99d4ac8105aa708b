"""Time has passed: silent workers, and attempts that take too long."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush

from headrace.contracts.dispatch_events import AttemptTimedOut
from headrace.contracts.message import Message
from headrace_execution.dispatcher.decide.worker_lost import lose
from headrace_execution.dispatcher.evolve import HEARTBEAT
from headrace_execution.dispatcher.round import Round
from headrace_execution.dispatcher.state import RUNNING, Assignment, DispatcherState


def due_at(state: DispatcherState) -> int | None:
    """Return when `tick` has something to look at, in ms since the epoch."""
    live = state.live
    worker = min(live.due.values(), default=None)
    attempt = live.deadlines[0][0] if live.deadlines else None
    if worker is None or attempt is None:
        return attempt if worker is None else worker
    return min(worker, attempt)


def tick(round_: Round) -> Iterator[Message]:
    """Yield what follows from silence and from limits that are over."""
    yield from _workers(round_)
    yield from _attempts(round_)


def _workers(round_: Round) -> Iterator[Message]:
    live = round_.state.live
    for name in [name for name, due in live.due.items() if due <= round_.now_ms]:
        if name not in live.suspects:
            # Perhaps it was us who were away: what waits in the reports is read before this comes up again.
            live.suspects[name] = None
            live.due[name] = round_.now_ms + round_.limits.worker_confirm_ms
            continue
        worker = round_.state.workers.get(name)
        live.due.pop(name)
        live.suspects.pop(name)
        if worker is not None:
            yield from lose(round_, worker, "silent")


def _attempts(round_: Round) -> Iterator[Message]:
    deadlines = round_.state.live.deadlines
    while deadlines and deadlines[0][0] <= round_.now_ms:
        _, number, limit = heappop(deadlines)
        assignment = round_.state.assignments.get(number)
        if assignment is None or assignment.phase != RUNNING or number in round_.state.live.reported:
            continue
        due = _heartbeat_due(round_.state, assignment) if limit == HEARTBEAT else round_.now_ms
        if due > round_.now_ms:
            heappush(deadlines, (due, number, limit))
            continue
        run_id, step, attempt = assignment.attempt.key
        yield AttemptTimedOut(
            workflow_id=assignment.attempt.task.workflow_id,
            run_id=run_id,
            step=step,
            attempt=attempt,
            to_shard=assignment.attempt.shard,
            assignment=number,
            worker=assignment.worker,
            timeout=limit,
            at=round_.now_ms,
        )


def _heartbeat_due(state: DispatcherState, assignment: Assignment) -> int:
    """Return when an attempt was silent for too long, by what its worker has passed on."""
    last = state.live.beats.get(assignment.number, assignment.at)
    return last + assignment.attempt.task.heartbeat_ms
