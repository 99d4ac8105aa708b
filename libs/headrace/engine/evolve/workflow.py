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
from headrace.engine.closed import Closed
from headrace.engine.identity import command_digest, earlier_start, start_digest
from headrace.engine.kernel.outcomes import Outcome
from headrace.engine.run import CANCEL, STUCK, WORKFLOW_TIMER, Delivered, Run
from headrace.engine.state import ShardState

WorkflowEnd = WorkflowSucceeded | WorkflowFailed | WorkflowCancelled | WorkflowTerminated | WorkflowTimedOut
END_STATUS: dict[type, str] = {
    WorkflowSucceeded: "SUCCEEDED",
    WorkflowFailed: "FAILED",
    WorkflowCancelled: "CANCELLED",
    WorkflowTerminated: "TERMINATED",
    WorkflowTimedOut: "TIMED_OUT",
}


def workflow_started(state: ShardState, event: WorkflowStarted) -> None:
    """A run begins. Whatever ended under its id before is hidden by it, and by its end, but for its command."""
    ended = state.closed.get(event.workflow_id) if event.attempt > 1 else None
    if ended is not None and any(ended.command):
        state.closed.add(earlier_start(event.workflow_id, ended.command), ended, event.at)
    run = Run(
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
    state.runs.add(run)
    if event.timeout_ms:
        state.set_timer(event.at + event.timeout_ms, event.workflow_id, WORKFLOW_TIMER)


def workflow_ended(state: ShardState, event: WorkflowEnd) -> None:
    """A run ends: only what the rules about its id need is kept."""
    run = state.runs.remove(event.workflow_id)
    if event.workflow_id in state.pending:
        state.pending.remove(event.workflow_id)
    closed = Closed(
        status=END_STATUS[type(event)],
        attempt=run.attempt,
        command=command_digest(run.command_id),
        start=start_digest(run.name, run.input),
    )
    state.closed.add(event.workflow_id, closed, event.at)


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
    state.previous.record(event.name, event.key, event.output, event.at)
