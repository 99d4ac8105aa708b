"""Changes that several events of `task.journal` share; only `evolve` makes them."""

from __future__ import annotations

from collections.abc import Iterable

from headrace.contracts.task_events import TaskScheduled
from headrace_execution.dispatcher import notes, permits, turns
from headrace_execution.dispatcher.canaries import side_of
from headrace_execution.dispatcher.lanes import Attempt, Key
from headrace_execution.dispatcher.rules import NO_CANARY, slots_of
from headrace_execution.dispatcher.state import Assignment, DispatcherState, Worker


def key_of(task: TaskScheduled) -> Key:
    """Return the key of an attempt."""
    return (task.run_id, task.step, task.attempt)


def open_attempt(state: DispatcherState, task: TaskScheduled, shard: int, at: int) -> Attempt:
    """Take an attempt in."""
    state.arrivals += 1
    key = key_of(task)
    attempt = Attempt(key=key, task=task, shard=shard, arrival=state.arrivals, losses=task.losses, since=task.at)
    state.ledger.attempts.made(key)
    state.open[key] = attempt
    index(state, key)
    if state.left:
        notes.attempt_opened(state, key[:2])
    if task.rules is not None:
        permits.declare(state, task, at)
    return attempt


def index(state: DispatcherState, key: Key) -> None:
    """Note an open attempt under its run and step; mostly the only one."""
    steps = state.runs.setdefault(key[0], {})
    steps[key[1]] = (*steps.get(key[1], ()), key)


def close_attempt(state: DispatcherState, attempt: Attempt, *, retrying: bool = False) -> None:
    """Forget an attempt, but for its key; and its notes, unless the task will run again."""
    key = attempt.key
    if state.open.get(key) is not attempt:
        return
    state.ledger.attempts.touched(key)
    del state.open[key]
    steps = state.runs[key[0]]
    left = tuple(other for other in steps[key[1]] if other != key)
    if left:
        steps[key[1]] = left
    else:
        del steps[key[1]]
        if not steps:
            del state.runs[key[0]]
            state.live.held.pop(key[0], None)
    if state.notes:
        notes.attempt_closed(state, key[:2], keep=retrying)
    if attempt.task.rules is not None:
        permits.undeclare(state, attempt.task)
    remember_end(state, key, attempt.task.fencing_token)


def remember_end(state: DispatcherState, key: Key, token: int) -> None:
    """Remember an attempt that has ended, so that one which is scheduled twice runs once."""
    state.ended.pop(key, None)
    state.ended[key] = token
    if len(state.ended) > state.remembered_ends:
        state.ended.popitem(last=False)


def wait(state: DispatcherState, attempt: Attempt) -> None:
    """Let an attempt wait."""
    state.ledger.attempts.touched(attempt.key)
    attempt.unserved = False
    queue = attempt.task.queue
    attempt.alone = attempt.losses >= state.quarantine_from
    if attempt.alone:
        state.quarantine[attempt.key] = attempt
    attempt.side = side_of(state, attempt.task)
    state.queues.put(attempt, turns.arrive(state, attempt))
    state.live.dirty[queue] = None
    state.live.audit[queue, attempt.task.task] = None


def wait_no_more(state: DispatcherState, attempt: Attempt) -> None:
    """Take an attempt out of its queue."""
    state.ledger.attempts.touched(attempt.key)
    state.queues.remove(attempt)
    attempt.side = NO_CANARY
    turns.leave(state, attempt)
    if slots_of(attempt.task) > 1:
        state.live.dirty[attempt.task.queue] = None  # a worker may have been kept for it
    if attempt.alone and state.quarantine.pop(attempt.key, None) is not None:
        look_everywhere(state)


def tell(state: DispatcherState, key: Key, *, unserved: bool) -> None:
    """Note what was told of an attempt that waits."""
    attempt = state.open.get(key)
    if attempt is None or attempt.assignment:
        return
    shape = state.queues.shape(attempt)
    if shape is not None:
        state.ledger.attempts.touched(key)
        shape.tell(attempt, unserved=unserved)


def free_slot(state: DispatcherState, assignment: Assignment) -> None:
    """Give the slots of an assignment back to its worker, and its permits."""
    if state.limits:
        permits.give_back(state, assignment.number, assignment.attempt.task)
    worker = state.workers.get(assignment.worker)
    if worker is None or worker.session != assignment.session:
        return
    running = worker.running.get(assignment.queue, {})
    if assignment.number not in running:
        return
    del running[assignment.number]
    worker.used[assignment.queue] -= assignment.slots
    if not running:
        del worker.running[assignment.queue]
        del worker.used[assignment.queue]
    worker.busy -= 1
    worker.alone.pop(assignment.number, None)
    for queue in worker.offers:
        state.live.dirty[queue] = None
    if state.quarantine:
        look_everywhere(state)


def look_everywhere(state: DispatcherState) -> None:
    """Another worker than before may now be the one that is kept empty: that one may run something."""
    for queue in state.queues.shapes:
        state.live.dirty[queue] = None


def drop_assignment(state: DispatcherState, assignment: Assignment) -> None:
    """Forget an assignment."""
    number = assignment.number
    state.ledger.assignments.touched(number)
    del state.assignments[number]
    state.finished.pop(number, None)
    state.live.beats.pop(number, None)
    state.live.reported.pop(number, None)


def offer_again(state: DispatcherState, worker: str, queue: str, tasks: Iterable[str]) -> None:
    """Note that a worker offers tasks on a queue."""
    state.live.dirty[queue] = None
    for task in tasks:
        pair = (queue, task)
        state.offers.setdefault(pair, {})[worker] = None
        state.live.audit[pair] = None


def withdraw(state: DispatcherState, worker: Worker) -> None:
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
            # Whoever is left may lack a label, a slot or a version that this one had.
            state.live.audit[pair] = None
        if state.canaries:
            state.live.dirty[queue] = None  # with the last worker of one side, its tasks go to the other
