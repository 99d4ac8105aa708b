"""State changes by operators: pause, resume, another version."""

from __future__ import annotations

from headrace.contracts.control_events import HeldInputTaken, WorkflowMigrated, WorkflowPaused, WorkflowResumed
from headrace.engine.evolve.waits import accepted
from headrace.engine.run import PAUSED, RUNNING
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


def held_input_taken(state: ShardState, event: HeldInputTaken) -> None:
    """The first input that waited with the run is decided now."""
    del state.runs[event.workflow_id].held[0]
