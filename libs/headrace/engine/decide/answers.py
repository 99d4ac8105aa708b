"""What one workflow tells another over the log: that it has ended, that it has taken a signal in, or why not."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.message import Message
from headrace.contracts.references import ParentRef
from headrace.contracts.wait_events import (
    AttachRequested,
    StepAnswered,
    StepCancelled,
    StepEnded,
    WatcherAdded,
    WatcherRemoved,
)
from headrace.contracts.workflow_events import ActivationYielded
from headrace.engine.context import Context
from headrace.engine.decide.advance import advance
from headrace.engine.decide.refusals import NOT_FOUND, why_not_open
from headrace.engine.decide.requests import EVENT_OVERHEAD_BYTES
from headrace.engine.kernel.outcomes import FAILED, Outcome
from headrace.engine.run import ANSWERED, ATTACH
from headrace.engine.state import ShardState


def attach_requested(context: Context, state: ShardState, event: AttachRequested, now_ms: int) -> Iterator[Message]:
    """Tell another workflow how this one has ended, now or when it does."""
    watcher = ParentRef(workflow_id=event.workflow_id, run_id=event.run_id, step=event.step)
    run = state.runs.get(event.target)
    if run is None:
        yield answer(context, watcher, event.target, _outcome(state, event.target), now_ms)
    elif len(run.watchers) < context.limits.watchers_per_run:
        yield WatcherAdded(workflow_id=run.workflow_id, run_id=run.run_id, watcher=watcher, at=now_ms)
    else:
        cause = f"Expected at most {len(run.watchers)} workflows that wait for {event.target}, but there are as many"
        refused = Outcome(FAILED, error="headrace.TooManyWatchers", cause=cause)
        yield answer(context, watcher, event.target, refused, now_ms)


def attach_given_up(state: ShardState, event: StepCancelled, now_ms: int) -> Iterator[Message]:
    """Another workflow waits no longer for this one."""
    watcher = ParentRef(workflow_id=event.workflow_id, run_id=event.run_id, step=event.step)
    run = state.runs.get(event.target)
    if event.kind == ATTACH and run is not None and watcher in run.watchers:
        yield WatcherRemoved(workflow_id=run.workflow_id, run_id=run.run_id, watcher=watcher, at=now_ms)


def step_answered(context: Context, state: ShardState, event: StepAnswered, now_ms: int) -> Iterator[Message]:
    """Record the answer in the workflow that asked, unless that has gone on without it."""
    run = state.run_of(event.workflow_id, event.run_id)
    step = run.open.get(event.step) if run is not None else None
    if run is None or step is None or step.kind not in ANSWERED or step.child_id != event.target:
        return
    yield StepEnded(
        workflow_id=run.workflow_id,
        run_id=run.run_id,
        step=event.step,
        node=step.node,
        index=step.index,
        kind=step.kind,
        status=event.status,
        output=event.output,
        content_type=event.content_type,
        error=event.error,
        cause=event.cause,
        at=now_ms,
    )
    yield from advance(context, run, now_ms)


def tell(context: Context, state: ShardState, now_ms: int) -> Iterator[Message]:
    """Tell those who wait for workflows that have ended; what does not fit this decision waits for the next part."""
    for run_id, telling in list(state.telling.items()):
        workflow_id, outcome = telling.workflow_id, telling.outcome
        for watcher in list(telling.watchers):
            if not context.has_room(len(outcome.data) + len(outcome.cause) + EVENT_OVERHEAD_BYTES):
                if workflow_id not in state.pending:
                    yield ActivationYielded(workflow_id=workflow_id, run_id=run_id, at=now_ms)
                return
            yield answer(context, watcher, workflow_id, outcome, now_ms)


def answer(context: Context, asker: ParentRef, target: str, outcome: Outcome, now_ms: int) -> StepAnswered:
    """Return the event that ends a step of another workflow."""
    return StepAnswered(
        to_shard=context.shards.of_workflow(asker.workflow_id),
        workflow_id=asker.workflow_id,
        run_id=asker.run_id,
        step=asker.step,
        target=target,
        status=outcome.status,
        output=outcome.data,
        content_type=outcome.content_type,
        error=outcome.error,
        cause=outcome.cause,
        at=now_ms,
    )


def _outcome(state: ShardState, workflow_id: str) -> Outcome:
    """Return how a workflow has ended, or why that cannot be told."""
    ended = state.outcomes.get(workflow_id)
    if ended is not None:
        return ended.outcome
    error, cause = why_not_open(state, workflow_id)
    if error != NOT_FOUND:
        error = "headrace.OutcomeForgotten"
        cause = f"Expected a workflow whose result is remembered, but {cause.partition('but ')[2]}; ask the read API"
    return Outcome(FAILED, error=error, cause=cause)
