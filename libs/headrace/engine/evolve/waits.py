"""State changes of what a run waits for beside tasks, timers and children: signals, callbacks, other workflows."""

from __future__ import annotations

from headrace.contracts.references import ParentRef
from headrace.contracts.wait_events import (
    AttachRequested,
    CallbackHeartbeat,
    CallbackOpened,
    SignalReceived,
    SignalRequested,
    StepAnswered,
    StepCancelled,
    StepEnded,
    WatcherAdded,
    WatcherRemoved,
)
from headrace.engine.identity import command_digest, signal_digest
from headrace.engine.kernel.outcomes import SUCCEEDED, Outcome
from headrace.engine.kernel.requests import attach_fingerprint, callback_fingerprint, signal_fingerprint
from headrace.engine.run import ATTACH, CALLBACK, SENDING, SIGNAL, Delivered, OpenStep, Run
from headrace.engine.state import ShardState


def signal_received(state: ShardState, event: SignalReceived) -> None:
    """A signal takes its place among the ends that the run sees."""
    run = state.runs[event.workflow_id]
    signal = Outcome(SUCCEEDED, event.data, event.content_type)
    run.log.append(Delivered(SIGNAL, signal, event.at, event.name))
    run.unread = event.unread
    accepted(state, run, event.command_id)


def attach_requested(state: ShardState, event: AttachRequested) -> None:
    """The run waits for another workflow."""
    run = state.runs[event.workflow_id]
    run.open[event.step] = OpenStep(
        kind=ATTACH, node=event.node, index=event.index, child_id=event.target, to_shard=event.to_shard
    )
    run.steps.append(attach_fingerprint(event.node, event.index, event.target))


def signal_requested(state: ShardState, event: SignalRequested) -> None:
    """The run sends a signal, and waits until it was taken in."""
    run = state.runs[event.workflow_id]
    run.open[event.step] = OpenStep(
        kind=SENDING,
        node=event.node,
        index=event.index,
        child_id=event.target,
        to_shard=event.to_shard,
        digest=signal_digest(event.name, event.data),
    )
    run.steps.append(signal_fingerprint(event.node, event.index, event.target))


def callback_opened(state: ShardState, event: CallbackOpened) -> None:
    """The run waits for whoever has the token."""
    run = state.runs[event.workflow_id]
    step = run.open[event.step] = OpenStep(
        kind=CALLBACK,
        node=event.node,
        index=event.index,
        close_by=event.due_at,
        heartbeat_ms=event.heartbeat_ms,
    )
    run.steps.append(callback_fingerprint(event.node, event.index))
    _alive(state, run, event.step, step, event.at)


def callback_heartbeat(state: ShardState, event: CallbackHeartbeat) -> None:
    """The time for the next sign of life begins anew."""
    run = state.runs[event.workflow_id]
    accepted(state, run, event.command_id)
    _alive(state, run, event.step, run.open[event.step], event.at)


def step_ended(state: ShardState, event: StepEnded) -> None:
    """The step ends with what was answered."""
    run = state.runs[event.workflow_id]
    ended = run.open.pop(event.step)
    outcome = Outcome(event.status, event.output, event.content_type, event.error, event.cause)
    run.log.append(Delivered(event.step, outcome, event.at, "", ended.digest if outcome.ok else b""))
    accepted(state, run, event.command_id)


def step_cancelled(state: ShardState, event: StepCancelled) -> None:
    """The run gave the step up; giving up is a recorded request too."""
    run = state.runs[event.workflow_id]
    run.open.pop(event.step, None)
    run.steps.append(f"cancel {event.step}")


def watcher_added(state: ShardState, event: WatcherAdded) -> None:
    """Another workflow waits for the run's end."""
    state.runs[event.workflow_id].watchers.append(event.watcher)


def watcher_removed(state: ShardState, event: WatcherRemoved) -> None:
    """Another workflow waits no longer."""
    state.runs[event.workflow_id].watchers.remove(event.watcher)


def step_answered(state: ShardState, event: StepAnswered) -> None:
    """One of those who waited for the end of a workflow was told."""
    told = ParentRef(workflow_id=event.workflow_id, run_id=event.run_id, step=event.step)
    for run_id, telling in state.telling.items():
        if telling.workflow_id == event.target and told in telling.watchers:
            telling.watchers.remove(told)
            if not telling.watchers:
                del state.telling[run_id]
            return


def _alive(state: ShardState, run: Run, number: int, step: OpenStep, at: int) -> None:
    """Set the timer of a callback: the next sign of life, or the end of its time, whichever comes first."""
    due = [step.close_by] if step.close_by else []
    if step.heartbeat_ms:
        due.append(at + step.heartbeat_ms)
    if due:
        step.due_at = min(due)
        state.set_timer(step.due_at, run.workflow_id, number)


def accepted(state: ShardState, run: Run, command_id: str) -> None:
    """Remember that a command was accepted, and forget the oldest where there are too many."""
    if command_id:
        run.seen[command_digest(command_id)] = None
        while len(run.seen) > state.seen_per_run:
            del run.seen[next(iter(run.seen))]
