"""PauseWorkflow, and ResumeWorkflow for what was paused: a run stands still, and goes on."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.control_commands import PauseWorkflow
from headrace.contracts.control_events import WorkflowPaused, WorkflowResumed
from headrace.contracts.message import Message
from headrace.contracts.workflow_events import ActivationYielded
from headrace.engine.context import Context
from headrace.engine.decide.advance import advance
from headrace.engine.decide.refusals import NOT_RUNNING, no_open_run, refusal
from headrace.engine.run import PAUSED, STUCK, Run
from headrace.engine.state import ShardState


def pause_workflow(context: Context, state: ShardState, command: PauseWorkflow, now_ms: int) -> Iterator[Message]:
    """Let a run stand still. What was asked for before goes on, and its ends are recorded."""
    if state.accepted(command.workflow_id, command.command_id):
        return
    run = state.runs.get(command.workflow_id)
    if run is None:
        yield no_open_run(context, state, command, now_ms)
    elif run.status == STUCK:
        cause = f"Expected a workflow that is running, but {run.workflow_id} is STUCK ({run.stuck}); it stands still"
        yield refusal(context, command, NOT_RUNNING, cause, now_ms)
    elif run.status != PAUSED:
        yield WorkflowPaused(
            workflow_id=run.workflow_id,
            run_id=run.run_id,
            command_id=command.command_id,
            reason=context.cut(command.reason),
            at=now_ms,
        )


def goes_on(context: Context, run: Run, now_ms: int, *, command_id: str = "", reason: str = "") -> Iterator[Message]:
    """Let a run that stands still go on: with what it has recorded, then with the inputs that wait with it."""
    yield resumed(context, run, now_ms, command_id=command_id, reason=reason)
    if run.held or any(step.interrupted for step in run.open.values()):
        # They are decided like the rest of a decision that was too large: before any other input, in bounded parts.
        yield ActivationYielded(workflow_id=run.workflow_id, run_id=run.run_id, at=now_ms)
    else:
        yield from advance(context, run, now_ms)


def resumed(context: Context, run: Run, now_ms: int, *, command_id: str = "", reason: str = "") -> WorkflowResumed:
    """Return the event after which a run does not stand still any more."""
    return WorkflowResumed(
        workflow_id=run.workflow_id,
        run_id=run.run_id,
        command_id=command_id,
        reason=context.cut(reason),
        at=now_ms,
    )
