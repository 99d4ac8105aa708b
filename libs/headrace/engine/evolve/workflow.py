"""State changes of the workflow's own events."""

from __future__ import annotations

from headrace.contracts.workflow_events import (
    ActivationResumed,
    ActivationYielded,
    CancelRequested,
    CommandHeld,
    PreviousRecorded,
    WorkflowCancelled,
    WorkflowFailed,
    WorkflowStarted,
    WorkflowStuck,
    WorkflowSucceeded,
    WorkflowTerminated,
    WorkflowTimedOut,
)
from headrace.engine.identity import input_digest
from headrace.engine.kernel.outcomes import Outcome
from headrace.engine.state import CANCEL, STUCK, WORKFLOW_TIMER, Closed, Delivered, Run, ShardState

WorkflowEnd = WorkflowSucceeded | WorkflowFailed | WorkflowCancelled | WorkflowTerminated | WorkflowTimedOut
END_STATUS: dict[type, str] = {
    WorkflowSucceeded: "SUCCEEDED",
    WorkflowFailed: "FAILED",
    WorkflowCancelled: "CANCELLED",
    WorkflowTerminated: "TERMINATED",
    WorkflowTimedOut: "TIMED_OUT",
}


def workflow_started(state: ShardState, event: WorkflowStarted) -> None:
    """A run begins; whatever was closed under its id is history."""
    state.closed.pop(event.workflow_id, None)
    state.runs[event.workflow_id] = Run(
        workflow_id=event.workflow_id,
        run_id=event.run_id,
        name=event.name,
        version=event.version,
        program=event.program,
        interpreter=event.interpreter,
        input=event.input,
        content_type=event.content_type,
        command_id=event.command_id,
        key=event.key,
        attempt=event.attempt,
        parent=event.parent,
        timeout_ms=event.timeout_ms,
        started_at=event.at,
        previous=event.previous,
        trace=event.trace,
    )
    if event.timeout_ms:
        state.timers.set(event.at + event.timeout_ms, event.workflow_id, event.run_id, WORKFLOW_TIMER)


def workflow_ended(state: ShardState, event: WorkflowEnd) -> None:
    """A run ends: only what the rules about its id need is kept."""
    run = state.runs.pop(event.workflow_id)
    if event.workflow_id in state.pending:
        state.pending.remove(event.workflow_id)
    state.closed[event.workflow_id] = Closed(
        run_id=run.run_id,
        name=run.name,
        input=input_digest(run.input),
        command_id=run.command_id,
        attempt=run.attempt,
        status=END_STATUS[type(event)],
        ended_at=event.at,
    )


def cancel_requested(state: ShardState, event: CancelRequested) -> None:
    """The request to end takes its place among the ends that the run sees."""
    run = state.runs[event.workflow_id]
    run.cancel_reason = event.reason
    run.log.append(Delivered(CANCEL, Outcome("CANCELLED", cause=event.reason), event.at))


def workflow_stuck(state: ShardState, event: WorkflowStuck) -> None:
    """The run waits for a human. What it has recorded stays as it is."""
    state.runs[event.workflow_id].status = STUCK
    if event.workflow_id in state.pending:
        state.pending.remove(event.workflow_id)


def command_held(state: ShardState, event: CommandHeld) -> None:
    """An input waits with its stuck run."""
    state.runs[event.workflow_id].held.append(event.command)


def activation_yielded(state: ShardState, event: ActivationYielded) -> None:
    """The rest of a decision waits."""
    state.pending.append(event.workflow_id)


def activation_resumed(state: ShardState, event: ActivationResumed) -> None:
    """The rest of a decision goes on."""
    state.pending.remove(event.workflow_id)


def previous_recorded(state: ShardState, event: PreviousRecorded) -> None:
    """The last result under a key, wherever its run lived."""
    state.previous[(event.name, event.key)] = event.output
