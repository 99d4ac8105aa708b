"""How each event of `task.journal` changes the state. Live and replay share it.

An event about what is gone changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from headrace.contracts.dispatch_events import (
    AssignmentsEnded,
    AttemptLost,
    AttemptsNoted,
    AttemptTimedOut,
    BacklogCleared,
    BacklogFull,
    CanaryCleared,
    CanarySet,
    QueueLimited,
    RoomGranted,
    RoomQueued,
    TaskAssigned,
    TaskDropped,
    TaskOverdue,
    TaskQueued,
    TaskRequeued,
    TaskServed,
    TaskUnserved,
)
from headrace.contracts.message import Message
from headrace.contracts.worker_events import WorkerJoined, WorkerLeft, WorkerLost, WorkerMeasured, WorkerStopping
from headrace.contracts.workflow_events import CommandRejected
from headrace_execution.dispatcher import canaries, comings, notes, permits, turns
from headrace_execution.dispatcher.changes import (
    close_attempt,
    drop_assignment,
    free_slot,
    key_of,
    open_attempt,
    tell,
    wait,
    wait_no_more,
)
from headrace_execution.dispatcher.deadlines import SCHEDULE_TO_CLOSE, set_deadlines, set_waits
from headrace_execution.dispatcher.lanes import Attempt
from headrace_execution.dispatcher.limits import QueueLimit
from headrace_execution.dispatcher.rules import slots_of
from headrace_execution.dispatcher.sharing import share
from headrace_execution.dispatcher.state import (
    ENDED,
    FINISHED,
    TIMED_OUT,
    Assignment,
    DispatcherState,
    Worker,
)


def evolve(state: DispatcherState, event: Message) -> None:
    """Change the state by one event."""
    EVOLVERS[type(event)](state, event)


def _queued(state: DispatcherState, event: TaskQueued) -> None:
    if state.live.filling:
        permits.forget_full(state, event.at)
    share(state, event.task)
    attempt = open_attempt(state, event.task, event.shard, event.at)
    wait(state, attempt)
    if event.task.rules is not None:
        set_waits(state, attempt)


def _assigned(state: DispatcherState, event: TaskAssigned) -> None:
    if state.live.filling:
        permits.forget_full(state, event.at)
    attempt = state.open.get(key_of(event.task))
    if attempt is None:
        attempt = open_attempt(state, event.task, event.shard, event.at)
        if event.task.rules is not None:
            set_waits(state, attempt)
    else:
        wait_no_more(state, attempt)
        attempt.unserved = False
    turns.charge(state, event.task)
    number = attempt.assignment = state.last_assignment = event.assignment
    state.ledger.assignments.made(number)
    state.ledger.workers.touched(event.worker)
    state.assignments[number] = Assignment(
        number=number, attempt=attempt, worker=event.worker, session=event.session, at=event.at
    )
    worker = state.workers[event.worker]
    take_slots(state, worker, number, attempt)
    if state.limits:
        permits.take(state, number, event.task, event.at)
    if event.task.rules is not None and event.task.rules.prefer:
        _stick(state, event.task.queue, event.task.rules.prefer, event.worker)
    worker.last_assignment = number
    set_deadlines(state, event.at, number, event.task)


def take_slots(state: DispatcherState, worker: Worker, number: int, attempt: Attempt) -> None:
    """Give an assignment its slots of a worker."""
    queue = attempt.task.queue
    worker.running.setdefault(queue, {})[number] = None
    worker.used[queue] = worker.used.get(queue, 0) + slots_of(attempt.task)
    worker.busy += 1
    if attempt.losses >= state.quarantine_from:
        worker.alone[number] = None


def _stick(state: DispatcherState, queue: str, key: str, worker: str) -> None:
    state.sticky.pop((queue, key), None)
    state.sticky[queue, key] = worker
    if len(state.sticky) > state.remembered_ends:
        state.sticky.popitem(last=False)


def _assignments_ended(state: DispatcherState, event: AssignmentsEnded) -> None:
    awaiting = {finished.assignment: finished for finished in event.awaiting}
    retrying = frozenset(event.retrying)
    for number in event.assignments:
        assignment = state.assignments.get(number)
        if assignment is None:
            continue
        free_slot(state, assignment)
        if number in awaiting:
            state.ledger.assignments.touched(number)
            assignment.phase = FINISHED
            assignment.partition = awaiting[number].partition
            assignment.offset = awaiting[number].offset
            state.finished[number] = None
            continue
        drop_assignment(state, assignment)
        if assignment.attempt.assignment == number:
            close_attempt(state, assignment.attempt, retrying=number in retrying)


def _requeued(state: DispatcherState, event: TaskRequeued) -> None:
    assignment = state.assignments.get(event.assignment)
    if assignment is None:
        return
    free_slot(state, assignment)
    drop_assignment(state, assignment)
    attempt = assignment.attempt
    attempt.assignment = 0
    attempt.losses = event.losses
    attempt.since = event.at
    wait(state, attempt)
    set_waits(state, attempt)


def _dropped(state: DispatcherState, event: TaskDropped) -> None:
    attempt = state.open.get((event.run_id, event.step, event.attempt))
    if attempt is None:
        return
    close_attempt(state, attempt, retrying=event.reason != "ended")
    assignment = state.assignments.get(attempt.assignment)
    if assignment is None:
        wait_no_more(state, attempt)
    elif assignment.phase == FINISHED:
        drop_assignment(state, assignment)
    else:
        state.ledger.assignments.touched(assignment.number)
        assignment.phase = ENDED


def _timed_out(state: DispatcherState, event: AttemptTimedOut) -> None:
    assignment = state.assignments.get(event.assignment)
    if assignment is not None:
        state.ledger.assignments.touched(event.assignment)
        assignment.phase = TIMED_OUT
        return
    attempt = state.open.get((event.run_id, event.step, event.attempt))
    if attempt is not None and not attempt.assignment:
        close_attempt(state, attempt, retrying=event.timeout != SCHEDULE_TO_CLOSE)
        wait_no_more(state, attempt)


def _lost_attempt(state: DispatcherState, event: AttemptLost) -> None:
    assignment = state.assignments.get(event.assignment)
    if assignment is not None:
        free_slot(state, assignment)
        drop_assignment(state, assignment)
        close_attempt(state, assignment.attempt, retrying=True)


def _overdue(state: DispatcherState, event: TaskOverdue) -> None:
    assignment = state.assignments.get(event.assignment)
    if assignment is not None:
        state.ledger.assignments.touched(event.assignment)
        assignment.warned = True


def _unserved(state: DispatcherState, event: TaskUnserved) -> None:
    tell(state, (event.run_id, event.step, event.attempt), unserved=True)


def _served(state: DispatcherState, event: TaskServed) -> None:
    tell(state, (event.run_id, event.step, event.attempt), unserved=False)


def _nothing(state: DispatcherState, event: CommandRejected | WorkerMeasured) -> None:
    """A refusal changes nothing, and figures are for those who look on."""


def _backlog_full(state: DispatcherState, event: BacklogFull) -> None:
    state.full[event.queue] = event.when_full
    state.ledger.full.touched(event.queue)


def _backlog_cleared(state: DispatcherState, event: BacklogCleared) -> None:
    state.full.pop(event.queue, None)
    state.requests.pop(event.queue, None)  # every decision shard is given room
    state.ledger.full.touched(event.queue)


def _room_queued(state: DispatcherState, event: RoomQueued) -> None:
    state.requests.setdefault(event.queue, {})[event.shard] = event.held
    state.ledger.full.touched(event.queue)


def _room_granted(state: DispatcherState, event: RoomGranted) -> None:
    asking = state.requests.get(event.queue, {})
    asking.pop(event.to_shard, None)
    if not asking:
        state.requests.pop(event.queue, None)
    state.ledger.full.touched(event.queue)


def _limited(state: DispatcherState, event: QueueLimited) -> None:
    limit = QueueLimit(
        queue=event.queue,
        at_once=event.at_once,
        per_period=event.per_period,
        period_ms=event.period_ms,
        backlog=event.backlog,
        when_full=event.when_full,
    )
    state.limited[event.queue] = limit
    if limit == QueueLimit(queue=event.queue):
        del state.limited[event.queue]
    state.ledger.full.touched(event.queue)


EVOLVERS: dict[type[Message], Callable[[DispatcherState, Any], None]] = {
    TaskQueued: _queued,
    TaskAssigned: _assigned,
    AssignmentsEnded: _assignments_ended,
    TaskRequeued: _requeued,
    TaskDropped: _dropped,
    AttemptTimedOut: _timed_out,
    AttemptLost: _lost_attempt,
    TaskOverdue: _overdue,
    BacklogFull: _backlog_full,
    BacklogCleared: _backlog_cleared,
    RoomQueued: _room_queued,
    RoomGranted: _room_granted,
    QueueLimited: _limited,
    TaskUnserved: _unserved,
    TaskServed: _served,
    WorkerJoined: comings.joined,
    WorkerStopping: comings.stopping,
    WorkerLeft: comings.gone,
    WorkerLost: comings.gone,
    CommandRejected: _nothing,
    AttemptsNoted: notes.take,
    CanarySet: canaries.canary_set,
    CanaryCleared: canaries.canary_cleared,
    WorkerMeasured: _nothing,
}
