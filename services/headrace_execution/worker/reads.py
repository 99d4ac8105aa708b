"""What a worker makes of each event that it reads: one function each, and the table of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from headrace.contracts.dispatch_events import (
    AssignmentsEnded,
    AttemptLost,
    AttemptsNoted,
    AttemptTimedOut,
    TaskAssigned,
    TaskDropped,
    TaskRequeued,
)
from headrace.contracts.message import Message
from headrace.contracts.worker_events import WorkerJoined, WorkerLost
from headrace_execution.worker.pages import (
    ENDED,
    HANDLE,
    LOST,
    Action,
    Held,
    JobId,
    Kept,
    Page,
    Quit,
    Start,
    stop,
)


class Reader(msgspec.Struct, frozen=True):
    """Who reads: the worker's name, the id of its process, and whether it takes nothing more."""

    worker: str
    process: str
    stopping: bool


def task_assigned(reader: Reader, page: Page, event: TaskAssigned) -> list[Action]:
    """Run it, unless it is another's or an earlier life's; a worker that stops gives it back at once."""
    if event.worker != reader.worker or event.session != page.session:
        return []
    page.read_assignment = max(page.read_assignment, event.assignment)
    if reader.stopping:
        page.handed_back[event.assignment] = None
        page.urgent = True
        return []
    has_handle = event.noted is not None and bool(event.noted.handle)
    page.held[event.assignment] = Held(assigned=event, has_handle=has_handle)
    return [Start(JobId(page.shard, event.assignment), event)]


def assignments_ended(_reader: Reader, page: Page, event: AssignmentsEnded) -> list[Action]:
    """The dispatcher has taken note: no need to report them any more."""
    return [action for number in event.assignments for action in _over(page, number, ENDED)]


def taken_back(reader: Reader, page: Page, event: TaskRequeued | AttemptLost) -> list[Action]:
    """Somebody else is given it."""
    return _over(page, event.assignment, LOST) if event.worker == reader.worker else []


def no_longer_wanted(reader: Reader, page: Page, event: TaskDropped | AttemptTimedOut) -> list[Action]:
    """The attempt is over, whatever comes of it here."""
    return stop(page, event.assignment, ENDED) if event.worker == reader.worker else []


def attempts_noted(reader: Reader, page: Page, event: AttemptsNoted) -> list[Action]:
    """The log holds handles: what has submitted them polls from here on."""
    if event.worker != reader.worker or event.session != page.session:
        return []
    actions: list[Action] = []
    for note in event.notes:
        held = page.held.get(note.assignment)
        if held is not None and note.kind == HANDLE:
            held.has_handle = bool(note.data)
            actions.append(Kept(JobId(page.shard, note.assignment)))
    return actions


def worker_joined(reader: Reader, page: Page, event: WorkerJoined) -> list[Action]:
    """The dispatcher shard has let the worker in."""
    if event.worker == reader.worker and event.session == page.session:
        page.joined = True
    return []


def worker_lost(reader: Reader, page: Page, event: WorkerLost) -> list[Action]:
    """This life is over: begin another one, or end where another process lives under the name."""
    if event.worker != reader.worker or event.session != page.session:
        return []
    if event.reason == "replaced":
        return [Quit(f"another process has taken the name {reader.worker}: give every worker a name of its own")]
    actions = [action for number in page.held for action in stop(page, number, LOST)]
    page.finished.clear()
    page.handed_back.clear()
    page.beats.clear()
    page.notes.clear()
    page.lives += 1
    page.session = f"{reader.process}-{page.lives}"
    page.joined = False
    page.urgent = True
    return actions


def _over(page: Page, number: int, why: str) -> list[Action]:
    page.finished.pop(number, None)
    page.handed_back.pop(number, None)
    held = page.held.get(number)
    if held is not None and held.sent:
        del page.held[number]  # its acknowledgement is still under way; nobody needs it any more
        return []
    return stop(page, number, why)


READS: dict[type[Message], Callable[[Reader, Page, Any], list[Action]]] = {
    TaskAssigned: task_assigned,
    AssignmentsEnded: assignments_ended,
    TaskRequeued: taken_back,
    AttemptLost: taken_back,
    AttemptsNoted: attempts_noted,
    TaskDropped: no_longer_wanted,
    AttemptTimedOut: no_longer_wanted,
    WorkerJoined: worker_joined,
    WorkerLost: worker_lost,
}
