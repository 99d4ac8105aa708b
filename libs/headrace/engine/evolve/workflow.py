"""State changes of the workflow's own events."""

from __future__ import annotations

from headrace.contracts.references import RetriedRun
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
from headrace.engine.outcomes import ended
from headrace.engine.packing import digests, pack_run, unpack_run
from headrace.engine.run import CANCEL, STUCK, WORKFLOW_TIMER, Delivered, Run
from headrace.engine.state import ShardState, Telling
from headrace.engine.stuck import stuck_run
from headrace.engine.taking_over import carried_of

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
    before = state.outcomes.get(event.workflow_id) if event.attempt > 1 else None
    if before is not None:
        # What an earlier run has accepted is not for this one, however often it is delivered.
        run.seen = dict.fromkeys(digests(before.seen))
    state.runs.add(run)
    if event.retried is not None:
        _take_over(state, run, event.retried)
    state.failed.forget(event.workflow_id)
    if event.timeout_ms:
        state.set_timer(event.at + event.timeout_ms, event.workflow_id, WORKFLOW_TIMER)


def _take_over(state: ShardState, run: Run, retried: RetriedRun) -> None:
    """Give a retried run what the one before it leaves, and the seeds that its steps had."""
    packed = state.failed.get(run.workflow_id)
    if packed is None:
        # Forgotten, by limits smaller than those by which it was decided. What was taken over stands in the journal.
        return
    former = unpack_run(run.workflow_id, packed)
    run.carried = carried_of(former, retried)
    run.seeds = former.seeds or [(0, former.run_id)]


def workflow_ended(state: ShardState, event: WorkflowEnd) -> None:
    """A run ends: only what the rules about its id need is kept."""
    run = state.runs.remove(event.workflow_id)
    state.stuck.pop(event.workflow_id, None)
    state.rebuilding.pop(event.workflow_id, None)
    if event.workflow_id in state.pending:
        state.pending.remove(event.workflow_id)
    closed = Closed(
        status=END_STATUS[type(event)],
        attempt=run.attempt,
        command=command_digest(run.command_id),
        start=run.first_start or start_digest(run.name, run.input),
    )
    state.closed.add(event.workflow_id, closed, event.at)
    outcome = outcome_of(event)
    if type(event) is not WorkflowSucceeded:
        run.open, run.held, run.watchers, watchers = {}, [], [], run.watchers
        state.failed.add(event.workflow_id, pack_run(run), event.at)
        run.watchers = watchers
    state.outcomes.add(event.workflow_id, ended(run.run_id, outcome, b"".join(run.seen)), event.at)
    if run.watchers:
        state.telling[run.run_id] = Telling(workflow_id=event.workflow_id, outcome=outcome, watchers=run.watchers)


def outcome_of(event: WorkflowEnd) -> Outcome:
    """Return a workflow's end as those see it who wait for it."""
    match event:
        case WorkflowSucceeded():
            return Outcome("SUCCEEDED", event.output, event.content_type)
        case WorkflowFailed():
            return Outcome("FAILED", error=event.error, cause=event.cause)
        case WorkflowCancelled():
            return Outcome("CANCELLED", error="headrace.Cancelled", cause=event.reason)
        case WorkflowTerminated():
            return Outcome("TERMINATED", error="headrace.Terminated", cause=event.reason)
        case WorkflowTimedOut():
            cause = f"the workflow took longer than {event.timeout_ms} ms"
            return Outcome(END_STATUS[WorkflowTimedOut], error="headrace.WorkflowTimedOut", cause=cause)


def cancel_requested(state: ShardState, event: CancelRequested) -> None:
    """The request to end takes its place among the ends that the run sees."""
    run = state.runs[event.workflow_id]
    run.cancel_reason = event.reason
    run.terminate_at = event.terminate_at
    if event.terminate_at:
        state.set_timer(event.terminate_at, run.workflow_id, WORKFLOW_TIMER)
    run.log.append(Delivered(CANCEL, Outcome("CANCELLED", cause=event.reason), event.at))


def workflow_stuck(state: ShardState, event: WorkflowStuck) -> None:
    """The run waits for a human. What it has recorded stays as it is."""
    run = state.runs[event.workflow_id]
    run.status = STUCK
    run.stuck = event.error
    run.stuck_tried = event.tried
    run.halted_at = run.halted_at or event.at
    state.stuck[event.workflow_id] = stuck_run(run)
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
