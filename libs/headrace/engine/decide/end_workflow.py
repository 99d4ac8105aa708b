"""CancelWorkflow and TerminateWorkflow, and a parent that gives its child up."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.child_events import ChildCancelRequested
from headrace.contracts.commands import CancelWorkflow, TerminateWorkflow
from headrace.contracts.message import Message
from headrace.contracts.workflow_events import CancelRequested, WorkflowTerminated
from headrace.engine.context import Context
from headrace.engine.decide.advance import advance
from headrace.engine.decide.requests import cancel_event
from headrace.engine.run import CHILD, Run
from headrace.engine.state import ShardState


def cancel_workflow(context: Context, state: ShardState, command: CancelWorkflow, now_ms: int) -> Iterator[Message]:
    """Ask a run to end. One that is not open, or was asked before, is left alone."""
    run = state.runs.get(command.workflow_id)
    if run is not None:
        yield from _cancel(context, run, command.command_id, command.reason, now_ms)


def cancel_child(context: Context, state: ShardState, event: ChildCancelRequested, now_ms: int) -> Iterator[Message]:
    """Ask a child to end because its parent gave it up; only if it is still that parent's."""
    run = state.runs.get(event.child_id)
    if run is not None and run.parent is not None and run.parent.run_id == event.run_id:
        yield from _cancel(context, run, "", event.reason, now_ms)


def terminate_workflow(
    context: Context, state: ShardState, command: TerminateWorkflow, now_ms: int
) -> Iterator[Message]:
    """End a run at once, stuck or not. Dispatchers and resource managers drop what it holds by its run id."""
    run = state.runs.get(command.workflow_id)
    if run is None:
        return
    context.activations.drop(run.run_id)
    for step in [number for number, found in run.open.items() if found.kind == CHILD]:
        yield cancel_event(run, step, "the parent was terminated", now_ms)
    yield WorkflowTerminated(
        workflow_id=run.workflow_id,
        run_id=run.run_id,
        parent=run.parent,
        name=run.name,
        started_at=run.started_at,
        reason=context.cut(command.reason),
        at=now_ms,
        trace=run.trace,
    )


def _cancel(context: Context, run: Run, command_id: str, reason: str, now_ms: int) -> Iterator[Message]:
    if run.cancel_reason is None:
        yield CancelRequested(
            workflow_id=run.workflow_id,
            run_id=run.run_id,
            command_id=command_id,
            reason=context.cut(reason),
            at=now_ms,
        )
        yield from advance(context, run, now_ms)
