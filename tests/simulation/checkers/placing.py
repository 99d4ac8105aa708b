"""Who was given what: labels, order, spread, and what earlier workers have left; told from the task journal alone."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import msgspec

from headrace.contracts.dispatch_events import (
    AssignmentsEnded,
    AttemptLost,
    AttemptsNoted,
    AttemptTimedOut,
    TaskAssigned,
    TaskDropped,
    TaskQueued,
    TaskRequeued,
)
from headrace.contracts.message import Message
from headrace.contracts.task_events import TaskScheduled
from headrace.contracts.topics import TASK_JOURNAL
from headrace.contracts.worker_events import WorkerJoined, WorkerLeft, WorkerLost, WorkerStopping
from tests.simulation.checkers.journals import Journal, Journals

Key = tuple[str, int, int]
HANDLE = "handle"


def check(journals: Journals) -> Iterator[str]:
    """Yield what is wrong."""
    for journal in journals.of(TASK_JOURNAL):
        for problem in _Queue().follow(journal):
            yield f"{journal.where}: {problem}"


class Member(msgspec.Struct, kw_only=True):
    """A worker that has joined."""

    session: str
    slots: dict[str, int]
    labels: dict[str, str]
    stopping: bool = False


class _Queue:
    """What waits, runs and is kept in one shard, as far as its events tell."""

    def __init__(self) -> None:
        self._members: dict[str, Member] = {}
        self._waiting: dict[Key, tuple[int, TaskScheduled]] = {}
        self._arrivals: dict[Key, int] = {}
        self._running: dict[int, TaskAssigned] = {}
        self._handles: dict[Key, bytes] = {}
        self._lost = False
        """Whether an attempt was lost: those that run alone go by other rules."""

    def follow(self, journal: Journal) -> Iterator[str]:
        for found, _, event in journal.events():
            for problem in self._see(event):
                yield f"@{found.entry.offset} {problem}"
        # Whatever has ended, ended: nothing that was queued, or taken back from a worker, waits for ever.
        if self._waiting:
            yield f"Expected nothing to wait at rest, but {sorted(self._waiting)} does"

    def _see(self, event: Message) -> Iterator[str]:  # noqa: C901, PLR0912  one case per event
        match event:
            case WorkerJoined():
                slots = {offer.queue: offer.slots for offer in event.offers}
                self._members[event.worker] = Member(session=event.session, slots=slots, labels=dict(event.labels))
            case WorkerStopping():
                self._members[event.worker].stopping = True
            case WorkerLost() | WorkerLeft():
                member = self._members.get(event.worker)
                if member is not None and member.session == event.session:
                    del self._members[event.worker]
            case TaskQueued():
                self._wait(event.task)
            case TaskAssigned():
                yield from self._assigned(event)
            case AttemptsNoted():
                for note in event.notes:
                    given = self._running.get(note.assignment)
                    if note.kind == HANDLE and given is not None:
                        self._handles[_key(given.task)] = note.data
            case AssignmentsEnded():
                for number in event.assignments:
                    self._running.pop(number, None)
            case TaskRequeued():
                self._lost |= event.losses > 0
                given = self._running.pop(event.assignment, None)
                if given is not None:
                    self._wait(given.task)
            case AttemptLost():
                self._lost = True
                self._running.pop(event.assignment, None)
            case TaskDropped() | AttemptTimedOut():
                self._waiting.pop((event.run_id, event.step, event.attempt), None)

    def _wait(self, task: TaskScheduled) -> None:
        self._lost |= task.losses > 0
        arrival = self._arrivals.setdefault(_key(task), len(self._arrivals))
        self._waiting[_key(task)] = (arrival, task)

    def _assigned(self, event: TaskAssigned) -> Iterator[str]:
        task, key = event.task, _key(event.task)
        handle = event.noted.handle if event.noted is not None else b""
        kept = self._handles.get(key, b"")
        if handle != kept:
            yield f"Expected assignment {event.assignment} to come with the handle {kept!r}, but it has {handle!r}"
        member = self._members.get(event.worker)
        wanted = task.rules.require if task.rules is not None else {}
        if member is None or any(member.labels.get(name) != value for name, value in wanted.items()):
            yield f"Expected a worker with {wanted} for assignment {event.assignment}, but it went to {event.worker}"
        elif not self._lost:
            yield from self._order(event)
            yield from self._spread(event)
        arrival = len(self._arrivals)
        self._arrivals.setdefault(key, arrival)
        self._waiting.pop(key, None)
        self._running[event.assignment] = event

    def _order(self, event: TaskAssigned) -> Iterator[str]:
        """Of those that are alike but for their priority and arrival, the first one is next."""
        task = event.task
        mine = (-task.priority, self._arrivals.get(_key(task), len(self._arrivals)))
        for key, (arrival, other) in self._waiting.items():
            alike = (other.queue, other.task, other.rules) == (task.queue, task.task, task.rules)
            if alike and (-other.priority, arrival) < mine:
                yield f"Expected {key} before assignment {event.assignment} of priority {task.priority}"

    def _spread(self, event: TaskAssigned) -> Iterator[str]:
        """Nobody who could have taken it had a larger share of his slots free."""
        task = event.task
        if task.rules is not None and (task.rules.prefer or task.rules.slots > 1):
            return
        if any(other.rules is not None and other.rules.slots > 1 for _, other in self._waiting.values()):
            return  # a worker may be kept for it
        wanted = task.rules.require if task.rules is not None else {}
        shares = {
            name: self._share(name, member, task.queue)
            for name, member in self._members.items()
            if not member.stopping and all(member.labels.get(label) == value for label, value in wanted.items())
        }
        best = max(shares.values(), default=Fraction(0))
        if shares.get(event.worker, Fraction(0)) < best:
            yield f"Expected assignment {event.assignment} where most is free, but {event.worker} has it of {shares}"

    def _share(self, name: str, member: Member, queue: str) -> Fraction:
        mine = [given for given in self._running.values() if (given.worker, given.session) == (name, member.session)]
        used = sum(
            given.task.rules.slots if given.task.rules is not None else 1 for given in mine if given.task.queue == queue
        )
        slots = member.slots.get(queue, 0)
        return Fraction(slots - used, slots) if slots else Fraction(0)


def _key(task: TaskScheduled) -> Key:
    return (task.run_id, task.step, task.attempt)
