"""A run goes on with a smaller record, under the same workflow id."""

from __future__ import annotations

from collections.abc import Iterable

from headrace.contracts.message import Message
from headrace.contracts.record_events import WorkflowContinued
from headrace.engine.identity import next_run_id
from headrace.engine.kernel.kernel import Kernel
from headrace.engine.kernel.requests import Continue
from headrace.engine.run import SIGNAL, Run


def continued_event(run: Run, kernel: Kernel, request: Continue, now_ms: int) -> Message:
    """Return the event that records it. Whatever the run had open was given up before."""
    return WorkflowContinued(
        workflow_id=run.workflow_id,
        run_id=run.run_id,
        next_run_id=next_run_id(run.run_id),
        name=run.name,
        started_at=run.started_at,
        input=request.input,
        content_type=request.content_type,
        kept_steps=request.kept_steps,
        state=request.state,
        heard=kernel.delivered,
        dropped_signals=_dropped_signals(run, kernel, request),
        at=now_ms,
        trace=run.trace,
    )


def _dropped_signals(run: Run, kernel: Kernel, request: Continue) -> list[int]:
    """Return the places of the signals that were taken and will not be asked for again: by steps that are not kept."""
    unread = set(kernel.unread)
    taken = [at for at, end in enumerate(run.log[: kernel.delivered]) if end.step == SIGNAL and at not in unread]
    return [at for at in taken if not _taken_before(at, request.heard_before, request.unread_before)]


def _taken_before(at: int, heard: int, unread: Iterable[int]) -> bool:
    """Tell whether the steps that are kept took a signal: by how much had been heard, and was unread, at their end."""
    return at < heard and at not in unread
