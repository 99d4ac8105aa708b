"""What the resource manager answers: a lease, or that there never will be one."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.lease_events import LeaseRecorded, LeaseReturned
from headrace.contracts.message import Message
from headrace.contracts.resource_events import LeaseGranted, LeaseRefused
from headrace.engine.context import Context
from headrace.engine.decide.attempts import attempt_failed, request_of
from headrace.engine.decide.requests import attempt_event
from headrace.engine.run import LEASE, OpenStep, Run
from headrace.engine.state import ShardState


def lease_granted(context: Context, state: ShardState, event: LeaseGranted, now_ms: int) -> Iterator[Message]:
    """The attempt that waits for it goes to the dispatcher; a lease that nobody waits for goes back."""
    holder = event.holder
    run, step = _waiting(state, event)
    if run is None or step is None:
        yield LeaseReturned(
            workflow_id=holder.workflow_id,
            run_id=holder.run_id,
            step=holder.step,
            attempt=holder.attempt,
            resource=event.resource,
            fencing_token=event.fencing_token,
            at=now_ms,
        )
        return
    yield LeaseRecorded(
        workflow_id=holder.workflow_id,
        run_id=holder.run_id,
        step=holder.step,
        attempt=holder.attempt,
        resource=event.resource,
        fencing_token=event.fencing_token,
        at=now_ms,
    )
    request = yield from request_of(context, run, holder.step, now_ms)
    if request is None:
        return
    yield attempt_event(
        run,
        holder.step,
        request,
        attempt=holder.attempt,
        losses=step.losses,
        token=event.fencing_token,
        now_ms=now_ms,
    )


def lease_refused(context: Context, state: ShardState, event: LeaseRefused, now_ms: int) -> Iterator[Message]:
    """The task fails with the refusal; trying again would be refused again."""
    run, step = _waiting(state, event)
    if run is not None and step is not None:
        yield from attempt_failed(
            context,
            run,
            event.holder.step,
            error=event.error,
            cause=event.cause,
            retryable=False,
            now_ms=now_ms,
        )


def _waiting(state: ShardState, event: LeaseGranted | LeaseRefused) -> tuple[Run | None, OpenStep | None]:
    holder = event.holder
    run = state.run_of(holder.workflow_id, holder.run_id)
    step = run.open.get(holder.step) if run is not None else None
    if step is None or step.phase != LEASE or step.attempt != holder.attempt or step.fencing_token:
        return run, None
    return run, step
