"""From a request to wait for another workflow or for the outside to the event that records it."""

from __future__ import annotations

from headrace.contracts.wait_events import AttachRequested, CallbackOpened, SignalRequested, StepCancelled
from headrace.engine.context import Context
from headrace.engine.kernel.requests import Attach, OpenCallback, SendSignal
from headrace.engine.run import OpenStep, Run


def wait_event(
    context: Context, run: Run, step: int, request: Attach | SendSignal | OpenCallback, now_ms: int
) -> AttachRequested | SignalRequested | CallbackOpened:
    """Return the event that records such a request."""
    match request:
        case Attach():
            return AttachRequested(
                workflow_id=run.workflow_id,
                run_id=run.run_id,
                step=step,
                node=request.node,
                index=request.index,
                target=request.target,
                to_shard=context.shards.of_workflow(request.target),
                at=now_ms,
                trace=run.trace,
            )
        case SendSignal():
            return SignalRequested(
                workflow_id=run.workflow_id,
                run_id=run.run_id,
                step=step,
                node=request.node,
                index=request.index,
                target=request.target,
                to_shard=context.shards.of_workflow(request.target),
                name=request.name,
                data=request.data,
                content_type=request.content_type,
                at=now_ms,
                trace=run.trace,
            )
        case OpenCallback():
            return CallbackOpened(
                workflow_id=run.workflow_id,
                run_id=run.run_id,
                step=step,
                node=request.node,
                index=request.index,
                due_at=now_ms + request.timeout_ms if request.timeout_ms else 0,
                heartbeat_ms=request.heartbeat_ms,
                at=now_ms,
            )


def give_up_event(run: Run, number: int, step: OpenStep, reason: str, now_ms: int) -> StepCancelled:
    """Return the event that gives such a step up."""
    return StepCancelled(
        workflow_id=run.workflow_id,
        run_id=run.run_id,
        step=number,
        node=step.node,
        index=step.index,
        kind=step.kind,
        target=step.child_id,
        to_shard=step.to_shard if step.child_id else -1,
        reason=reason,
        at=now_ms,
    )
