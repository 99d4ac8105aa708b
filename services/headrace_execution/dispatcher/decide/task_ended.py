"""TaskSucceeded, TaskFailed, TaskTimedOut, TaskReleased: an attempt is over."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.message import Message
from headrace.contracts.task_events import TaskFailed, TaskReleased, TaskSucceeded, TaskTimedOut
from headrace_execution.dispatcher.decide.dropping import drop
from headrace_execution.dispatcher.notes import has_notes
from headrace_execution.dispatcher.round import Round


def attempt_ended(round_: Round, event: TaskSucceeded | TaskFailed) -> Iterator[Message]:
    """End an attempt by a worker's result. Its slot is free at once where the result is the current assignment's."""
    key = (event.run_id, event.step, event.attempt)
    round_.fresh.pop(key, None)
    attempt = round_.state.open.get(key)
    if attempt is None:
        return
    if attempt.assignment and attempt.assignment == event.assignment:
        round_.ended[attempt.assignment] = None
        if _leaves_notes(round_, event):
            round_.retrying[attempt.assignment] = None
    else:
        yield from drop(round_, attempt, "retrying" if _leaves_notes(round_, event) else "ended")


def attempt_closed(round_: Round, event: TaskTimedOut | TaskReleased) -> Iterator[Message]:
    """End an attempt that a worker may still be running."""
    key = (event.run_id, event.step, event.attempt)
    round_.fresh.pop(key, None)
    attempt = round_.state.open.get(key)
    if attempt is not None:
        yield from drop(round_, attempt, "retrying" if _leaves_notes(round_, event) else "ended")


def _leaves_notes(round_: Round, event: TaskSucceeded | TaskFailed | TaskTimedOut | TaskReleased) -> bool:
    """Tell whether another attempt will follow, for which something is kept."""
    if not has_notes(round_.state, event.run_id, event.step):
        return False
    return isinstance(event, TaskReleased) or (not isinstance(event, TaskSucceeded) and event.retry_at > 0)
