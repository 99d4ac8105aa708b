"""CancelWorkflow and TerminateWorkflow, and a parent that gives its child up."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.child_events import ChildCancelRequested
from headrace.contracts.commands import CancelWorkflow, TerminateWorkflow
from headrace.contracts.message import Message
from headrace.contracts.schedule_events import ScheduleCancelRequested
from headrace.contracts.workflow_events import CancelRequested, WorkflowTerminated
from headrace.engine.context import Context
from headrace.engine.decide.advance import advance
from headrace.engine.decide.pausing import resumed
from headrace.engine.decide.requests import cancel_event
from headrace.engine.kernel.requests import ABANDON
from headrace.engine.run import ATTACH, CHILD, PAUSED, OpenStep, Run
from headrace.engine.schedules.schedule import parent_of
from headrace.engine.state import ShardState


def cancel_workflow(context: Context, state: ShardState, command: CancelWorkflow, now_ms: int) -> Iterator[Message]:
    """Ask a run to end. One that is not open, or was asked before, is left alone."""
    run = state.runs.get(command.workflow_id)
    if run is not None:
        yield from _cancel(context, run, command.command_id, command.reason, now_ms)


def cancel_child(context: Context, state: ShardState, event: ChildCancelRequested, now_ms: int) -> Iterator[Message]:
    """Ask a child to end, or end it, because its parent gave it up; only if it is still that parent's."""
    run = state.runs.get(event.child_id)
    if run is None or run.parent is None or run.parent.run_id != event.run_id:
        return
    if event.terminate:
        yield from _terminated(context, run, event.reason, now_ms)
    else:
        yield from _cancel(context, run, "", event.reason, now_ms)


def cancel_scheduled(
    context: Context, state: ShardState, event: ScheduleCancelRequested, now_ms: int
) -> Iterator[Message]:
    """Ask a run to end because its schedule starts the next one; only if that schedule has started it."""
    run = state.runs.get(event.workflow_id)
    if run is not None and run.parent == parent_of(event.schedule_id, event.generation):
        yield from _cancel(context, run, "", event.reason, now_ms)


def terminate_workflow(
    context: Context, state: ShardState, command: TerminateWorkflow, now_ms: int
) -> Iterator[Message]:
    """End a run at once, stuck or not. Dispatchers and resource managers drop what it holds by its run id."""
    run = state.runs.get(command.workflow_id)
    if run is not None:
        yield from _terminated(context, run, command.reason, now_ms)


def cleaned_up_for_too_long(context: Context, run: Run, now_ms: int) -> Iterator[Message]:
    """End a run at once that was asked to end, because of its time limit, and still cleans up."""
    reason = (
        f"Expected a workflow that has cleaned up within {context.limits.cleanup_ms} ms of its time limit, but it goes "
        "on; HEADRACE_DECISION_CLEANUP_MS says how long it may"
    )
    yield from _terminated(context, run, reason, now_ms)


def _terminated(context: Context, run: Run, reason: str, now_ms: int) -> Iterator[Message]:
    context.activations.drop(run.run_id)
    for step in [n for n, found in run.open.items() if _is_told(found)]:
        yield cancel_event(run, step, "the parent was terminated", now_ms)
    yield WorkflowTerminated(
        workflow_id=run.workflow_id,
        run_id=run.run_id,
        parent=run.parent,
        name=run.name,
        started_at=run.started_at,
        reason=context.cut(reason),
        at=now_ms,
        trace=run.trace,
    )


def _is_told(step: OpenStep) -> bool:
    """Tell whether another workflow must know that a step is given up: a child, or one that is waited for."""
    return (step.kind == CHILD and step.parent_close != ABANDON) or step.kind == ATTACH


def _cancel(context: Context, run: Run, command_id: str, reason: str, now_ms: int) -> Iterator[Message]:
    if run.cancel_reason is None:
        if run.status == PAUSED:
            yield resumed(context, run, now_ms, reason="it was asked to end")
        yield CancelRequested(
            workflow_id=run.workflow_id,
            run_id=run.run_id,
            command_id=command_id,
            reason=context.cut(reason),
            at=now_ms,
        )
        yield from advance(context, run, now_ms)
