"""An attempt is no longer wanted."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.dispatch_events import TaskDropped
from headrace.contracts.message import Message
from headrace_execution.dispatcher.lanes import Attempt
from headrace_execution.dispatcher.round import Round
from headrace_execution.dispatcher.state import FINISHED


def drop(round_: Round, attempt: Attempt, reason: str) -> Iterator[Message]:
    """Drop an attempt that waits, or tell its worker to stop; its slot is free once the worker no longer holds it."""
    if attempt.assignment in round_.ended:
        return
    assignment = round_.state.assignments.get(attempt.assignment)
    run_id, step, number = attempt.key
    yield TaskDropped(
        workflow_id=attempt.task.workflow_id,
        run_id=run_id,
        step=step,
        attempt=number,
        reason=reason,
        assignment=attempt.assignment,
        worker=assignment.worker if assignment is not None and assignment.phase != FINISHED else "",
        at=round_.now_ms,
    )
