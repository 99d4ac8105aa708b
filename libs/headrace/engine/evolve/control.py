"""State changes by operators: pause, resume, another version."""

from __future__ import annotations

from headrace.contracts.control_events import (
    HeldInputTaken,
    StepReused,
    WorkflowMigrated,
    WorkflowPaused,
    WorkflowResumed,
)
from headrace.engine.carried import RECEIVED
from headrace.engine.evolve.waits import accepted
from headrace.engine.kernel.outcomes import Outcome
from headrace.engine.kernel.requests import (
    attach_fingerprint,
    callback_fingerprint,
    child_fingerprint,
    resumed_fingerprint,
    signal_fingerprint,
    task_fingerprint,
    timer_fingerprint,
)
from headrace.engine.run import (
    ATTACH,
    CALLBACK,
    CHILD,
    PAUSED,
    RUNNING,
    SENDING,
    SIGNAL,
    TASK,
    TIMER,
    Delivered,
)
from headrace.engine.state import ShardState


def workflow_paused(state: ShardState, event: WorkflowPaused) -> None:
    """The run stands still. Its timers wait with it."""
    run = state.runs[event.workflow_id]
    run.status = PAUSED
    run.halted_at = run.halted_at or event.at
    accepted(state, run, event.command_id)


def workflow_resumed(state: ShardState, event: WorkflowResumed) -> None:
    """The run goes on: its timers are set again, and its time limits did not count how long it stood still."""
    run = state.runs[event.workflow_id]
    stood_still = max(0, event.at - run.halted_at) if run.halted_at else 0
    run.status = RUNNING
    run.stuck = run.stuck_tried = ""
    state.stuck.pop(event.workflow_id, None)
    run.halted_at = 0
    run.halted_ms += stood_still
    if run.terminate_at:
        run.terminate_at += stood_still
    accepted(state, run, event.command_id)
    for due_at, step in run.timers():
        state.set_timer(due_at, run.workflow_id, step)


def workflow_migrated(state: ShardState, event: WorkflowMigrated) -> None:
    """The run has another version from now on."""
    run = state.runs[event.workflow_id]
    run.version = event.version
    run.program = event.program
    run.interpreter = event.interpreter
    accepted(state, run, event.command_id)


def step_reused(state: ShardState, event: StepReused) -> None:
    """A step was asked for, and ends with what the former run has, at its place among what this run sees."""
    run = state.runs[event.workflow_id]
    if run.carried is not None:
        run.carried.take(event.order)
    outcome = Outcome(event.status, event.output, event.content_type)
    if event.kind == RECEIVED:
        end = Delivered(SIGNAL, outcome, event.at, event.task)
    else:
        run.steps.append(_fingerprint(event))
        end = Delivered(event.step, outcome, event.at, "", event.digest)
    run.log.insert(event.position, end)


def held_input_taken(state: ShardState, event: HeldInputTaken) -> None:
    """The first input that waited with the run is decided now."""
    del state.runs[event.workflow_id].held[0]


def _fingerprint(event: StepReused) -> str:
    node, index = event.node, event.index
    match event.kind:
        case k if k == TASK:
            return task_fingerprint(node, index, event.task)
        case k if k == CHILD:
            return child_fingerprint(node, index, event.task)
        case k if k == ATTACH:
            return attach_fingerprint(node, index, event.task)
        case k if k == SENDING:
            return signal_fingerprint(node, index, event.task)
        case k if k == CALLBACK:
            return callback_fingerprint(node, index)
        case k if k == TIMER:
            return timer_fingerprint(node, index)
    return resumed_fingerprint(node)
