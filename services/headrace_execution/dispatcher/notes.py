"""What running attempts want kept for whoever runs their task next: details of heartbeats, handles of async tasks.

Notes belong to a step of a run. They are kept while an attempt of it is open; where one failed that will be tried
again, they wait for the next one, as many as there are remembered ends. Details are for all later attempts, a handle
is for later assignments of its own attempt.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from headrace.contracts.dispatch_events import AttemptNotes, AttemptsNoted
from headrace.contracts.reports import AttemptNote
from headrace.contracts.task_events import TaskScheduled
from headrace_execution.dispatcher.state import RUNNING, Assignment, DispatcherState, Notes, StepKey

DETAILS = "details"
HANDLE = "handle"


def notes_for(state: DispatcherState, task: TaskScheduled) -> AttemptNotes | None:
    """Return what an assignment of an attempt is to know; None where there is nothing."""
    notes = state.notes.get((task.run_id, task.step)) if state.notes else None
    if notes is None:
        return None
    handle = notes.handle if notes.attempt == task.attempt else b""
    return AttemptNotes(details=notes.details, handle=handle) if notes.details or handle else None


def has_notes(state: DispatcherState, run_id: str, step: int) -> bool:
    """Tell whether something is kept for a step."""
    return bool(state.notes) and (run_id, step) in state.notes


def wanted(state: DispatcherState, notes: list[AttemptNote], worker: str, session: str) -> Iterator[AttemptNote]:
    """Yield the notes of assignments that are the worker's, and still run."""
    for note in notes:
        assignment = state.assignments.get(note.assignment)
        if (
            assignment is not None
            and _is_open(assignment)
            and (assignment.worker, assignment.session)
            == (
                worker,
                session,
            )
        ):
            yield note


def take(state: DispatcherState, event: AttemptsNoted) -> None:
    """Keep what an event tells."""
    for note in event.notes:
        assignment = state.assignments.get(note.assignment)
        if assignment is None or not _is_open(assignment):
            continue
        run_id, step, attempt = assignment.attempt.key
        before = state.notes.get((run_id, step), Notes())
        if note.kind == HANDLE:
            after = msgspec.structs.replace(before, handle=note.data, attempt=attempt)
        else:
            after = msgspec.structs.replace(before, details=note.data)
        state.ledger.notes.touched((run_id, step))
        state.notes[run_id, step] = after


def attempt_opened(state: DispatcherState, step: StepKey) -> None:
    """The next attempt of a step is here: its notes wait no more."""
    state.left.pop(step, None)


def attempt_closed(state: DispatcherState, step: StepKey, *, keep: bool) -> None:
    """Let the notes of a step wait for its next attempt, or forget them."""
    if step not in state.notes:
        return
    state.ledger.notes.touched(step)
    if not keep:
        del state.notes[step]
        return
    state.left[step] = None
    if len(state.left) > state.remembered_ends:
        oldest = next(iter(state.left))
        state.ledger.notes.touched(oldest)
        del state.left[oldest], state.notes[oldest]


def _is_open(assignment: Assignment) -> bool:
    return assignment.phase == RUNNING and assignment.attempt.assignment == assignment.number
