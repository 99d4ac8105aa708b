"""Slots and permits are conserved, and an attempt is with one worker at a time: told from the task journal alone."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from headrace.contracts.codec import Codec
from headrace.contracts.commands import CompleteTask, FailTask
from headrace.contracts.dispatch_events import (
    AssignmentsEnded,
    AttemptLost,
    AttemptTimedOut,
    TaskAssigned,
    TaskRequeued,
)
from headrace.contracts.message import Message
from headrace.contracts.reports import WorkerHeartbeat
from headrace.contracts.task_events import TaskScheduled
from headrace.contracts.task_rules import TaskLimit
from headrace.contracts.topics import TASK_JOURNAL, WORKER_REPORTS, WORKFLOW_COMMANDS, WORKFLOW_JOURNAL
from headrace.contracts.worker_events import WorkerJoined, WorkerLeft, WorkerLost
from tests.simulation.checkers.histories import History
from tests.simulation.checkers.journals import Journal, Journals

CODEC = Codec()
QUEUE_LIMITS = {"night": TaskLimit(scope="queue", name="", at_once=3, per_period=20, period_ms=1_000)}
"""As the settings of the world say."""


def check(journals: Journals, runs: dict[str, History]) -> Iterator[str]:
    """Yield what is wrong."""
    yield from _reports(journals)
    for journal in journals.of(TASK_JOURNAL):
        for problem in _shard(journal, runs):
            yield f"{journal.where}: {problem}"


def _reports(journals: Journals) -> Iterator[str]:
    """What a worker reports as finished stands in the log, where it says."""
    results: dict[tuple[int, int], Message] = {}
    for journal in journals.of(WORKFLOW_JOURNAL):
        for entry in journals.log.entries(WORKFLOW_COMMANDS, journal.where.partition):
            results[journal.where.partition, entry.offset] = CODEC.decode(entry.value)
    for journal in journals.of(TASK_JOURNAL):
        for entry in journals.log.entries(WORKER_REPORTS, journal.where.partition):
            report = CODEC.decode(entry.value)
            for finished in report.finished if isinstance(report, WorkerHeartbeat) else ():
                result = results.get((finished.partition, finished.offset))
                assert isinstance(report, WorkerHeartbeat)
                if not isinstance(result, CompleteTask | FailTask) or result.worker != report.worker:
                    yield f"Expected the result of {finished} of {report.worker} in the log, but found {result}"


def _shard(journal: Journal, runs: dict[str, History]) -> Iterator[str]:  # noqa: C901, PLR0912  one case per event
    slots: dict[tuple[str, str], int] = {}
    sessions: dict[str, str] = {}
    running: dict[int, TaskAssigned] = {}
    awaited: dict[int, TaskAssigned] = {}
    buckets = Buckets()
    last = 0
    for found, _, event in journal.events():
        at = f"@{found.entry.offset}"
        match event:
            case WorkerJoined():
                sessions[event.worker] = event.session
                for offer in event.offers:
                    slots[event.worker, offer.queue] = offer.slots
            case WorkerLost() | WorkerLeft():
                left = [
                    n for n, given in running.items() if (given.worker, given.session) == (event.worker, event.session)
                ]
                if left:
                    yield f"{at} Expected {event.worker} to go with nothing left, but it has {left}"
                sessions.pop(event.worker, None)
            case TaskAssigned():
                if event.assignment <= last:
                    yield f"{at} Expected an assignment after {last}, but found {event.assignment}"
                last = event.assignment
                yield from _assigned(event, sessions, slots, running, awaited, runs, at)
                yield from buckets.take(event)
                running[event.assignment] = event
            case AssignmentsEnded():
                waiting = {finished.assignment for finished in event.awaiting}
                for number in event.assignments:
                    given = running.pop(number, None)
                    if given is not None and number in waiting:
                        awaited[number] = given
                    elif given is None:
                        awaited.pop(number, None)
            case TaskRequeued() | AttemptLost():
                running.pop(event.assignment, None)
                awaited.pop(event.assignment, None)
            case AttemptTimedOut():
                awaited.pop(event.assignment, None)
    if running:
        yield f"Expected no assignment to be left at rest, but found {sorted(running)}"


def _slots(given: TaskAssigned) -> int:
    return given.task.rules.slots if given.task.rules is not None else 1


def _limits(event: TaskAssigned, running: dict[int, TaskAssigned], at: str) -> Iterator[str]:
    """No limit lets more run at once than it says; what ended, one way or another, has given its permit back."""
    for limit in _all(event.task):
        held = [number for number, given in running.items() if limit in _named(given, event.task.queue)]
        if limit.at_once and len(held) >= limit.at_once:
            yield f"{at} Expected at most {limit.at_once} of {limit.scope} {limit.name}, but {sorted(held)} run"


def _named(given: TaskAssigned, queue: str) -> list[TaskLimit]:
    return _all(given.task) if given.task.queue == queue else []


def _all(task: TaskScheduled) -> list[TaskLimit]:
    """Return the limits that a task says, and those of its queue."""
    named = list(task.rules.limits) if task.rules is not None else []
    return [*named, *(limit for queue, limit in QUEUE_LIMITS.items() if queue == task.queue)]


class Buckets:
    """Tokens of every limit per period, counted in fractions: at most so many, and one for each task that began."""

    def __init__(self) -> None:
        self._tokens: dict[tuple[str, TaskLimit], tuple[Fraction, int]] = {}

    def take(self, event: TaskAssigned) -> Iterator[str]:
        """Take a token of each limit of a task."""
        for limit in _all(event.task):
            if not limit.per_period:
                continue
            tokens, since = self._tokens.get((event.task.queue, limit), (Fraction(limit.per_period), event.at))
            tokens += Fraction(limit.per_period * max(event.at - since, 0), limit.period_ms)
            tokens = min(tokens, Fraction(limit.per_period)) - 1
            self._tokens[event.task.queue, limit] = (tokens, max(event.at, since))
            if tokens < 0:
                yield f"Expected a token of {limit.scope} {limit.name} for assignment {event.assignment}"


def _assigned(
    event: TaskAssigned,
    sessions: dict[str, str],
    slots: dict[tuple[str, str], int],
    running: dict[int, TaskAssigned],
    awaited: dict[int, TaskAssigned],
    runs: dict[str, History],
    at: str,
) -> Iterator[str]:
    task = event.task
    if sessions.get(event.worker) != event.session:
        yield f"{at} Expected a worker that is there, but {event.worker} {event.session} is not"
    others = [given for given in running.values() if (given.worker, given.task.queue) == (event.worker, task.queue)]
    taken = sum(_slots(given) for given in others)
    if taken + _slots(event) > slots.get((event.worker, task.queue), 0):
        yield f"{at} Expected a free slot of {event.worker} on {task.queue}, but {taken} are taken"
    yield from _limits(event, running, at)
    if task.run_id not in runs:
        yield f"{at} Expected a task of a run that was started, but found {task.run_id}"
        return
    key = (task.run_id, task.step, task.attempt)
    for other in (*running.values(), *awaited.values()):
        if (other.task.run_id, other.task.step, other.task.attempt) == key:
            yield f"{at} Expected {key} to be with one worker, but assignment {other.assignment} has it too"
