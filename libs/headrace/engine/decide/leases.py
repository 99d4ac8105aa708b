"""What the resource manager answers: a lease, or that there never will be one."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from headrace.contracts.lease_events import LeaseRecorded, LeaseReturned
from headrace.contracts.message import Message
from headrace.contracts.resource_events import LeaseGranted, LeaseRefused
from headrace.contracts.workflow_events import ActivationYielded
from headrace.engine.context import Context
from headrace.engine.decide.attempts import attempt_failed, request_of
from headrace.engine.decide.requests import attempt_event, size_of
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
    yield from dispatched(context, run, holder.step, now_ms)


def dispatched(context: Context, run: Run, number: int, now_ms: int) -> Generator[Message, None, bool]:
    """Give an attempt that has its lease to the dispatcher; False when that waits for the next part of the decision.

    The step says what waits: its phase is LEASE, and it has a token.
    """
    request = yield from request_of(context, run, number, now_ms)
    if request is None:
        return False
    if not context.has_room(size_of(request)):
        yield ActivationYielded(workflow_id=run.workflow_id, run_id=run.run_id, at=now_ms)
        return False
    step = run.open[number]
    token = step.fencing_token
    yield attempt_event(run, number, request, attempt=step.attempt, losses=step.losses, token=token, now_ms=now_ms)
    return True


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
