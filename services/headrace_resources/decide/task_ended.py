"""An attempt ended, in whatever way: its lease, or its place in the queue, ends with it."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.message import Message
from headrace.contracts.task_events import TaskCancelled, TaskFailed, TaskReleased, TaskSucceeded, TaskTimedOut
from headrace_resources.decide.round import Round


def task_ended(round_: Round, event: TaskSucceeded | TaskFailed | TaskTimedOut | TaskReleased) -> Iterator[Message]:
    """End the claim of this attempt or of an older one; an end that comes late leaves a newer attempt alone."""
    yield from _end(round_, event, event.attempt)


def task_cancelled(round_: Round, event: TaskCancelled) -> Iterator[Message]:
    """End the claim of any attempt: a cancelled step has no further one."""
    yield from _end(round_, event, None)


def _end(
    round_: Round, event: TaskSucceeded | TaskFailed | TaskTimedOut | TaskReleased | TaskCancelled, attempt: int | None
) -> Iterator[Message]:
    request = round_.requests.get((event.run_id, event.step))
    if request is not None and (attempt is None or request.holder.attempt <= attempt):
        del round_.requests[event.run_id, event.step]
    claim = round_.state.claim(event.run_id, event.step)
    if claim is not None and (attempt is None or claim.holder.attempt <= attempt):
        yield round_.release(claim, event.type_name())
