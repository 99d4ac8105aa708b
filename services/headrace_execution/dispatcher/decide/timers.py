"""Time has passed: silent workers, and attempts that take too long."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush

from headrace.contracts.dispatch_events import AttemptTimedOut, TaskOverdue
from headrace.contracts.message import Message
from headrace_execution.dispatcher.deadlines import HEARTBEAT, SCHEDULE_TO_START, WARN_AFTER
from headrace_execution.dispatcher.decide.worker_lost import lose
from headrace_execution.dispatcher.lanes import Attempt
from headrace_execution.dispatcher.round import Round
from headrace_execution.dispatcher.state import RUNNING, Assignment, DispatcherState


def due_at(state: DispatcherState) -> int | None:
    """Return when `tick` has something to look at, in ms since the epoch."""
    live = state.live
    heaps = (live.deadlines, live.waits, live.refills)
    return min((*live.due.values(), *(heap[0][0] for heap in heaps if heap)), default=None)


def tick(round_: Round) -> Iterator[Message]:
    """Yield what follows from silence and from limits that are over."""
    yield from _workers(round_)
    yield from _attempts(round_)
    yield from _waits(round_)


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
        if limit != WARN_AFTER:
            yield _timed_out(round_, assignment.attempt, limit)
        elif not assignment.warned:
            yield _overdue(round_, assignment)


def _waits(round_: Round) -> Iterator[Message]:
    """Attempts that wait for too long, and those whose attempts all together took too long."""
    state = round_.state
    waits = state.live.waits
    while waits and waits[0][0] <= round_.now_ms:
        due, key, limit = heappop(waits)
        attempt = state.open.get(key)
        if attempt is None or attempt.task.rules is None:
            continue
        if limit == SCHEDULE_TO_START:
            if not attempt.assignment and attempt.since + attempt.task.rules.schedule_to_start_ms == due:
                yield _timed_out(round_, attempt, limit)
            continue
        running = state.assignments.get(attempt.assignment)
        ends = running is not None and (running.phase != RUNNING or running.number in state.live.reported)
        if attempt.task.rules.close_by == due and not ends:
            yield _timed_out(round_, attempt, limit)


def _timed_out(round_: Round, attempt: Attempt, limit: str) -> AttemptTimedOut:
    run_id, step, number = attempt.key
    running = round_.state.assignments.get(attempt.assignment)
    return AttemptTimedOut(
        workflow_id=attempt.task.workflow_id,
        run_id=run_id,
        step=step,
        attempt=number,
        to_shard=attempt.shard,
        assignment=attempt.assignment,
        worker=running.worker if running is not None else "",
        timeout=limit,
        at=round_.now_ms,
    )


def _overdue(round_: Round, assignment: Assignment) -> TaskOverdue:
    task = assignment.attempt.task
    run_id, step, attempt = assignment.attempt.key
    return TaskOverdue(
        workflow_id=task.workflow_id,
        run_id=run_id,
        step=step,
        attempt=attempt,
        node=task.node,
        index=task.index,
        task=task.task,
        queue=task.queue,
        assignment=assignment.number,
        worker=assignment.worker,
        warn_after_ms=0 if task.rules is None else task.rules.warn_after_ms,
        since=assignment.at,
        at=round_.now_ms,
    )


def _heartbeat_due(state: DispatcherState, assignment: Assignment) -> int:
    """Return when an attempt was silent for too long, by what its worker has passed on."""
    last = state.live.beats.get(assignment.number, assignment.at)
    return last + assignment.attempt.task.heartbeat_ms
