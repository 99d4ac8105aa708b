"""A child has ended, or could not be started: its parent takes note and goes on."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.child_events import ChildEnded
from headrace.contracts.message import Message
from headrace.contracts.references import ParentRef
from headrace.contracts.workflow_events import (
    StartRefused,
)
from headrace.engine.context import Context
from headrace.engine.decide.advance import advance
from headrace.engine.evolve.workflow import WorkflowEnd, outcome_of
from headrace.engine.kernel.outcomes import Outcome
from headrace.engine.run import CHILD
from headrace.engine.state import ShardState


def child_ended(
    context: Context, state: ShardState, parent: ParentRef, event: WorkflowEnd | StartRefused, now_ms: int
) -> Iterator[Message]:
    """Record the child's end in the parent, unless the parent has gone on without it."""
    run = state.run_of(parent.workflow_id, parent.run_id)
    step = run.open.get(parent.step) if run is not None else None
    if run is None or step is None or step.kind != CHILD or step.child_id != event.workflow_id:
        return
    outcome = _outcome(event)
    yield ChildEnded(
        workflow_id=run.workflow_id,
        run_id=run.run_id,
        step=parent.step,
        node=step.node,
        index=step.index,
        child_id=step.child_id,
        status=outcome.status,
        output=outcome.data,
        content_type=outcome.content_type,
        error=outcome.error,
        cause=outcome.cause,
        at=now_ms,
    )
    yield from advance(context, run, now_ms)


def _outcome(event: WorkflowEnd | StartRefused) -> Outcome:
    if isinstance(event, StartRefused):
        return Outcome("FAILED", error=event.error, cause=event.cause)
    return outcome_of(event)
