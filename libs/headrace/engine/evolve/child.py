"""State changes of child workflows, on the parent's side."""

from __future__ import annotations

from headrace.contracts.child_events import ChildCancelRequested, ChildEnded, ChildRequested
from headrace.engine.identity import input_digest
from headrace.engine.kernel.outcomes import Outcome
from headrace.engine.kernel.requests import child_fingerprint
from headrace.engine.run import CHILD, Delivered, OpenStep
from headrace.engine.state import ShardState


def child_requested(state: ShardState, event: ChildRequested) -> None:
    """A child is asked for."""
    run = state.runs[event.workflow_id]
    run.open[event.step] = OpenStep(
        kind=CHILD,
        node=event.node,
        index=event.index,
        child_id=event.child_id,
        to_shard=event.to_shard,
        parent_close=event.parent_close,
        digest=input_digest(event.input),
    )
    run.steps.append(child_fingerprint(event.node, event.index, event.name))


def child_ended(state: ShardState, event: ChildEnded) -> None:
    """The child's end is the step's."""
    run = state.runs[event.workflow_id]
    ended = run.open.pop(event.step)
    outcome = Outcome(event.status, event.output, event.content_type, event.error, event.cause)
    run.log.append(Delivered(event.step, outcome, event.at, ended.child_id, ended.digest))


def child_cancel_requested(state: ShardState, event: ChildCancelRequested) -> None:
    """The parent gave the child up; giving up is a recorded request too."""
    run = state.runs[event.workflow_id]
    step = run.open.pop(event.step, None)
    if step is not None:
        run.given_up[event.step] = (step.child_id, step.digest)
    run.steps.append(f"cancel {event.step}")
