"""How each event of `task.journal` changes the state. Live and replay share it.

An event about what is gone changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappush
from typing import Any

from headrace.contracts.dispatch_events import (
    AssignmentsEnded,
    AttemptLost,
    AttemptTimedOut,
    TaskAssigned,
    TaskDropped,
    TaskQueued,
    TaskRequeued,
    TaskServed,
    TaskUnserved,
)
from headrace.contracts.message import Message
from headrace.contracts.task_events import TaskScheduled
from headrace.contracts.worker_events import WorkerJoined, WorkerLeft, WorkerLost, WorkerStopping
from headrace.contracts.workflow_events import CommandRejected
from headrace_execution.dispatcher.queues import Attempt, Key
from headrace_execution.dispatcher.state import (
    ENDED,
    FINISHED,
    TIMED_OUT,
    Assignment,
    DispatcherState,
    Offer,
    Worker,
)

HEARTBEAT = "heartbeat"
START_TO_CLOSE = "start_to_close"


def evolve(state: DispatcherState, event: Message) -> None:
    """Change the state by one event."""
    EVOLVERS[type(event)](state, event)


def _queued(state: DispatcherState, event: TaskQueued) -> None:
    _wait(state, _open(state, event.task, event.shard))


def _assigned(state: DispatcherState, event: TaskAssigned) -> None:
    attempt = state.open.get(key_of(event.task))
    if attempt is None:
        attempt = _open(state, event.task, event.shard)
    else:
        _wait_no_more(state, attempt)
        attempt.unserved = False
    number = attempt.assignment = state.last_assignment = event.assignment
    state.assignments[number] = Assignment(
        number=number, attempt=attempt, worker=event.worker, session=event.session, at=event.at
    )
    worker = state.workers[event.worker]
    worker.running.setdefault(event.task.queue, {})[number] = None
    worker.busy += 1
    worker.last_assignment = number
    if attempt.losses >= state.quarantine_from:
        worker.alone[number] = None
    _set_deadlines(state, event)


def _set_deadlines(state: DispatcherState, event: TaskAssigned) -> None:
    deadlines = state.live.deadlines
    for limit, after_ms in ((START_TO_CLOSE, event.task.timeout_ms), (HEARTBEAT, event.task.heartbeat_ms)):
        if after_ms:
            heappush(deadlines, (event.at + after_ms, event.assignment, limit))
    if len(deadlines) > 64 and len(deadlines) > 4 * len(state.assignments):
        deadlines[:] = [entry for entry in deadlines if entry[1] in state.assignments]
        heapify(deadlines)


def _assignments_ended(state: DispatcherState, event: AssignmentsEnded) -> None:
    awaiting = {finished.assignment: finished for finished in event.awaiting}
    for number in event.assignments:
        assignment = state.assignments.get(number)
        if assignment is None:
            continue
        _free_slot(state, assignment)
        if number in awaiting:
            assignment.phase = FINISHED
            assignment.partition = awaiting[number].partition
            assignment.offset = awaiting[number].offset
            state.finished[number] = None
            continue
        _drop_assignment(state, assignment)
        if assignment.attempt.assignment == number:
            _close(state, assignment.attempt)


def _requeued(state: DispatcherState, event: TaskRequeued) -> None:
    assignment = state.assignments.get(event.assignment)
    if assignment is None:
        return
    _free_slot(state, assignment)
    _drop_assignment(state, assignment)
    attempt = assignment.attempt
    attempt.assignment = 0
    attempt.losses = event.losses
    _wait(state, attempt)


def _dropped(state: DispatcherState, event: TaskDropped) -> None:
    attempt = state.open.get((event.run_id, event.step, event.attempt))
    if attempt is None:
        return
    _close(state, attempt)
    assignment = state.assignments.get(attempt.assignment)
    if assignment is None:
        _wait_no_more(state, attempt)
    elif assignment.phase == FINISHED:
        _drop_assignment(state, assignment)
    else:
        assignment.phase = ENDED


def _timed_out(state: DispatcherState, event: AttemptTimedOut) -> None:
    assignment = state.assignments.get(event.assignment)
    if assignment is not None:
        assignment.phase = TIMED_OUT


def _lost_attempt(state: DispatcherState, event: AttemptLost) -> None:
    assignment = state.assignments.get(event.assignment)
    if assignment is not None:
        _free_slot(state, assignment)
        _drop_assignment(state, assignment)
        _close(state, assignment.attempt)


def _unserved(state: DispatcherState, event: TaskUnserved) -> None:
    _tell(state, (event.run_id, event.step, event.attempt), unserved=True)


def _served(state: DispatcherState, event: TaskServed) -> None:
    _tell(state, (event.run_id, event.step, event.attempt), unserved=False)


def _joined(state: DispatcherState, event: WorkerJoined) -> None:
    offers = {offer.queue: Offer(offer.slots, frozenset(offer.tasks)) for offer in event.offers if offer.slots > 0}
    worker = state.workers.get(event.worker)
    if worker is None:
        worker = state.workers[event.worker] = Worker(name=event.worker, session=event.session, offers={})
    _withdraw(state, worker)
    worker.session = event.session
    worker.offers = offers
    worker.stopping = False
    for offer in event.offers:
        if offer.queue not in offers:
            continue
        state.live.dirty[offer.queue] = None
        for task in offer.tasks:
            pair = (offer.queue, task)
            state.offers.setdefault(pair, {})[worker.name] = None
            state.live.audit[pair] = None
    if state.quarantine:
        _look_everywhere(state)


def _stopping(state: DispatcherState, event: WorkerStopping) -> None:
    worker = state.workers.get(event.worker)
    if worker is not None:
        worker.stopping = True
        _withdraw(state, worker)


def _gone(state: DispatcherState, event: WorkerLeft | WorkerLost) -> None:
    worker = state.workers.get(event.worker)
    if worker is not None and worker.session == event.session:
        _withdraw(state, worker)
        del state.workers[event.worker]
        state.live.due.pop(event.worker, None)
        state.live.suspects.pop(event.worker, None)


def _nothing(state: DispatcherState, event: CommandRejected) -> None:
    """A refusal changes nothing."""


# --- what several events share ----------------------------------------------------------------------------------------


def key_of(task: TaskScheduled) -> Key:
    """Return the key of an attempt."""
    return (task.run_id, task.step, task.attempt)


def _open(state: DispatcherState, task: TaskScheduled, shard: int) -> Attempt:
    state.arrivals += 1
    key = key_of(task)
    attempt = Attempt(key=key, task=task, shard=shard, arrival=state.arrivals, losses=task.losses)
    state.open[key] = attempt
    state.runs.setdefault(task.run_id, {}).setdefault(task.step, {})[key] = None
    return attempt


def _close(state: DispatcherState, attempt: Attempt) -> None:
    key = attempt.key
    if state.open.get(key) is not attempt:
        return
    del state.open[key]
    steps = state.runs[key[0]]
    del steps[key[1]][key]
    if not steps[key[1]]:
        del steps[key[1]]
        if not steps:
            del state.runs[key[0]]
            state.live.held.pop(key[0], None)
    state.ended.pop(key, None)
    state.ended[key] = attempt.task.fencing_token
    if len(state.ended) > state.remembered_ends:
        del state.ended[next(iter(state.ended))]


def _wait(state: DispatcherState, attempt: Attempt) -> None:
    attempt.unserved = False
    queue = attempt.task.queue
    attempt.alone = attempt.losses >= state.quarantine_from
    if attempt.alone:
        state.quarantine[attempt.key] = attempt
    state.queues.put(attempt)
    state.live.dirty[queue] = None
    state.live.audit[queue, attempt.task.task] = None


def _wait_no_more(state: DispatcherState, attempt: Attempt) -> None:
    state.queues.remove(attempt)
    if attempt.alone and state.quarantine.pop(attempt.key, None) is not None:
        _look_everywhere(state)


def _tell(state: DispatcherState, key: Key, *, unserved: bool) -> None:
    attempt = state.open.get(key)
    if attempt is None or attempt.assignment:
        return
    bucket = state.queues.bucket(attempt.task.queue, attempt.task.task)
    if bucket is not None:
        bucket.tell(attempt, unserved=unserved)


def _free_slot(state: DispatcherState, assignment: Assignment) -> None:
    worker = state.workers.get(assignment.worker)
    if worker is None or worker.session != assignment.session:
        return
    running = worker.running.get(assignment.queue, {})
    if assignment.number not in running:
        return
    del running[assignment.number]
    worker.busy -= 1
    worker.alone.pop(assignment.number, None)
    for queue in worker.offers:
        state.live.dirty[queue] = None
    if state.quarantine:
        _look_everywhere(state)


def _look_everywhere(state: DispatcherState) -> None:
    """Another worker than before may now be the one that is kept empty: that one may run something."""
    for queue in state.queues.buckets:
        state.live.dirty[queue] = None


def _drop_assignment(state: DispatcherState, assignment: Assignment) -> None:
    number = assignment.number
    del state.assignments[number]
    state.finished.pop(number, None)
    state.live.beats.pop(number, None)
    state.live.reported.pop(number, None)


def _withdraw(state: DispatcherState, worker: Worker) -> None:
    """Take a worker out of those who offer something."""
    for queue, offer in worker.offers.items():
        for task in sorted(offer.tasks):
            pair = (queue, task)
            offering = state.offers.get(pair)
            if offering is None or worker.name not in offering:
                continue
            del offering[worker.name]
            if not offering:
                del state.offers[pair]
                state.live.audit[pair] = None


EVOLVERS: dict[type[Message], Callable[[DispatcherState, Any], None]] = {
    TaskQueued: _queued,
    TaskAssigned: _assigned,
    AssignmentsEnded: _assignments_ended,
    TaskRequeued: _requeued,
    TaskDropped: _dropped,
    AttemptTimedOut: _timed_out,
    AttemptLost: _lost_attempt,
    TaskUnserved: _unserved,
    TaskServed: _served,
    WorkerJoined: _joined,
    WorkerStopping: _stopping,
    WorkerLeft: _gone,
    WorkerLost: _gone,
    CommandRejected: _nothing,
}
