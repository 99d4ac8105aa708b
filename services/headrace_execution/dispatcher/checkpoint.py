"""The state as entries of a snapshot, and back.

    s                          counters, and the attempts that ended last
    w/WORKER                   a worker
    a/RUN/STEP/ATTEMPT         an attempt that waits
    n/NUMBER                   an assignment with its attempt, which may have ended before it
    d/RUN/STEP                 what is kept for whoever runs a step next
    l/QUEUE/SCOPE/NAME         a limit, with what is in its bucket
    c/QUEUE/PRIORITY           the clock of what waits there
    t/QUEUE/PRIORITY/KEY       the turn of a fairness key

Everything else is derived: queues, quarantine, offers, slots and permits follow from these, and so do the limits that
stand in `state.live`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator

import msgspec

from headrace.contracts.task_events import TaskScheduled
from headrace.shard.entries import Changed, Entry, key_part, pack, unknown, unpacker
from headrace_execution.dispatcher import order_entries, permits, turns, worker_entries
from headrace_execution.dispatcher.canaries import side_of
from headrace_execution.dispatcher.changes import index, key_of, look_everywhere
from headrace_execution.dispatcher.deadlines import set_deadlines, set_waits
from headrace_execution.dispatcher.evolve import take_slots
from headrace_execution.dispatcher.lanes import Attempt, Key
from headrace_execution.dispatcher.limits import QueueLimit
from headrace_execution.dispatcher.sharing import share
from headrace_execution.dispatcher.state import (
    FINISHED,
    Assignment,
    Canary,
    DispatcherState,
    Notes,
    StepKey,
)

_SHARD = "s"


class ShardEntry(Entry, array_like=True, kw_only=True):
    """What there is once."""

    arrivals: int
    last_assignment: int
    ended: list[tuple[Key, int]]
    left: list[StepKey] = msgspec.field(default_factory=list)
    sticky: list[tuple[str, str, str]] = msgspec.field(default_factory=list)
    full: list[tuple[str, str]] = msgspec.field(default_factory=list)
    canaries: list[tuple[str, str, str, float]] = msgspec.field(default_factory=list)
    requests: list[tuple[str, int, int]] = msgspec.field(default_factory=list)
    limited: list[QueueLimit] = msgspec.field(default_factory=list)


class AttemptEntry(Entry, array_like=True, kw_only=True):
    """An open attempt."""

    task: TaskScheduled
    shard: int
    arrival: int
    losses: int
    unserved: bool
    alone: bool
    since: int = 0


class AssignmentEntry(Entry, array_like=True, kw_only=True):
    """An assignment. `open`: its attempt has not ended yet."""

    number: int
    worker: str
    session: str
    at: int
    phase: str
    partition: int
    offset: int
    attempt: AttemptEntry
    open: bool
    warned: bool = False


class NotesEntry(Entry, array_like=True, kw_only=True):
    """What is kept for a step."""

    run_id: str
    step: int
    notes: Notes


_shard = unpacker(ShardEntry)
_attempt = unpacker(AttemptEntry)
_assignment = unpacker(AssignmentEntry)
_notes = unpacker(NotesEntry)


def changes(state: DispatcherState) -> Iterator[tuple[str, bytes | None]]:
    """Yield what has changed since the last time, and forget it."""
    ledger = state.ledger
    kinds = (ledger.attempts, ledger.assignments, ledger.workers, ledger.notes, ledger.limits, ledger.clocks)
    once = (ledger.turns, ledger.full, ledger.canaries)
    if not any(len(kind) for kind in (*kinds, *once)):
        return
    ledger.full, ledger.canaries = Changed(), Changed()
    entry = ShardEntry(
        arrivals=state.arrivals,
        last_assignment=state.last_assignment,
        ended=list(state.ended.items()),
        left=list(state.left),
        sticky=[(*preferred, worker) for preferred, worker in state.sticky.items()],
        full=list(state.full.items()),
        canaries=[(*where, canary.version, canary.share) for where, canary in state.canaries.items()],
        requests=[(queue, *each) for queue, asking in state.requests.items() for each in asking.items()],
        limited=list(state.limited.values()),
    )
    yield _SHARD, pack(entry)
    for name, value in ledger.workers.take(lambda name: worker_entries.packed(state.workers.get(name))):
        yield f"w/{key_part(name)}", value
    for (run_id, step, attempt), value in ledger.attempts.take(lambda key: _pack_waiting(state.open.get(key))):
        yield f"a/{key_part(run_id)}/{step}/{attempt}", value
    for number, value in ledger.assignments.take(lambda number: _pack_assignment(state, number)):
        yield f"n/{number}", value
    for (run_id, step), value in ledger.notes.take(lambda step: _pack_notes(state, step)):
        yield f"d/{key_part(run_id)}/{step}", value
    yield from order_entries.changes(state)


def restored(state: DispatcherState, entries: Iterable[tuple[str, bytes]]) -> DispatcherState:
    """Fill an initial state. Raises ValueError for what this code cannot read."""
    attempts: list[Attempt] = []
    assignments: list[AssignmentEntry] = []
    for key, value in entries:
        match key[:2]:
            case "w/":
                worker_entries.take(state, key, value)
            case "a/":
                attempts.append(_open(_attempt(key, value)))
            case "n/":
                assignments.append(_assignment(key, value))
            case "l/" | "c/" | "t/":
                order_entries.take(state, key, value)
            case "d/":
                entry = _notes(key, value)
                state.notes[entry.run_id, entry.step] = entry.notes
            case _ if key == _SHARD:
                shard = _shard(key, value)
                state.arrivals = shard.arrivals
                state.last_assignment = shard.last_assignment
                state.ended = OrderedDict(shard.ended)
                state.left = dict.fromkeys(shard.left)
                state.full = dict(shard.full)
                state.limited = {limit.queue: limit for limit in shard.limited}
                for queue, number, held in shard.requests:
                    state.requests.setdefault(queue, {})[number] = held
                state.canaries = {entry[:2]: Canary(*entry[2:]) for entry in shard.canaries}
                state.sticky = OrderedDict(((queue, preferred), worker) for queue, preferred, worker in shard.sticky)
            case _:
                raise unknown(key)
    for assigned in sorted(assignments, key=lambda entry: entry.number):
        attempt = _take_assignment(state, assigned)
        if assigned.open:
            attempts.append(attempt)
    for attempt in sorted(attempts, key=lambda attempt: attempt.arrival):
        _take_attempt(state, attempt)
    order_entries.settle(state)
    look_everywhere(state)
    return state


def _pack_waiting(attempt: Attempt | None) -> bytes | None:
    return None if attempt is None or attempt.assignment else pack(_entry(attempt))


def _pack_assignment(state: DispatcherState, number: int) -> bytes | None:
    assignment = state.assignments.get(number)
    if assignment is None:
        return None
    return pack(
        AssignmentEntry(
            number=number,
            worker=assignment.worker,
            session=assignment.session,
            at=assignment.at,
            phase=assignment.phase,
            partition=assignment.partition,
            offset=assignment.offset,
            attempt=_entry(assignment.attempt),
            open=state.open.get(assignment.attempt.key) is assignment.attempt,
            warned=assignment.warned,
        )
    )


def _pack_notes(state: DispatcherState, step: StepKey) -> bytes | None:
    notes = state.notes.get(step)
    return None if notes is None else pack(NotesEntry(run_id=step[0], step=step[1], notes=notes))


def _entry(attempt: Attempt) -> AttemptEntry:
    return AttemptEntry(
        task=attempt.task,
        shard=attempt.shard,
        arrival=attempt.arrival,
        losses=attempt.losses,
        unserved=attempt.unserved,
        alone=attempt.alone,
        since=attempt.since,
    )


def _open(entry: AttemptEntry, assignment: int = 0) -> Attempt:
    return Attempt(
        key=key_of(entry.task),
        task=entry.task,
        shard=entry.shard,
        arrival=entry.arrival,
        losses=entry.losses,
        unserved=entry.unserved,
        alone=entry.alone,
        assignment=assignment,
        since=entry.since,
    )


def _take_assignment(state: DispatcherState, entry: AssignmentEntry) -> Attempt:
    attempt = _open(entry.attempt, entry.number)
    state.assignments[entry.number] = Assignment(
        number=entry.number,
        attempt=attempt,
        worker=entry.worker,
        session=entry.session,
        at=entry.at,
        phase=entry.phase,
        partition=entry.partition,
        offset=entry.offset,
        warned=entry.warned,
    )
    set_deadlines(state, entry.at, entry.number, attempt.task)
    worker = state.workers.get(entry.worker)
    if entry.phase == FINISHED:
        state.finished[entry.number] = None
        return attempt
    permits.hold(state, entry.number, attempt.task)
    if worker is not None and worker.session == entry.session:
        take_slots(state, worker, entry.number, attempt)
    return attempt


def _take_attempt(state: DispatcherState, attempt: Attempt) -> None:
    share(state, attempt.task)
    state.open[attempt.key] = attempt
    index(state, attempt.key)
    if attempt.task.rules is not None:
        permits.name(state, attempt.task)
        set_waits(state, attempt)
    if attempt.assignment:
        return
    attempt.side = side_of(state, attempt.task)
    if attempt.alone:
        state.quarantine[attempt.key] = attempt
    state.queues.put(attempt, turns.restore(state, attempt))
    state.live.audit[attempt.task.queue, attempt.task.task] = None
