"""State changes of back-pressure: queues that are full, and what is held back for them."""

from __future__ import annotations

from headrace.contracts.backlog_events import BacklogNoted, RoomRequested, TaskHeld
from headrace.contracts.message import Message
from headrace.contracts.task_events import TaskScheduled
from headrace.engine.backlogs import WAIT, Backlog
from headrace.engine.evolve.task import open_task
from headrace.engine.run import HELD
from headrace.engine.state import ShardState


def task_held(state: ShardState, event: TaskHeld) -> None:
    """An attempt waits until its queue has room."""
    run = state.runs[event.workflow_id]
    step = open_task(run, event)
    step.phase = HELD
    step.attempt = event.attempt
    step.queue = event.queue
    step.losses = event.losses
    step.retry = event.retry
    step.close_by = event.close_by
    step.due_at = event.due_at
    if event.due_at:
        state.set_timer(event.due_at, event.workflow_id, event.step)
    state.backlogs.hold(event, halted=run.halted)


def backlog_noted(state: ShardState, event: BacklogNoted) -> None:
    """A queue is bounded, is full, or has room."""
    backlogs = state.backlogs
    backlogs.noted.touched(event.queue)
    backlog = backlogs.queues.get(event.queue)
    if backlog is None:
        backlog = backlogs.queues[event.queue] = Backlog(queue=event.queue)
    if event.full:
        backlog.since = backlog.since if backlog.full else event.at
        backlog.waiting = event.waiting
    backlog.asked = False
    backlog.full, backlog.when_full = event.full, event.when_full
    backlog.backlog = event.backlog
    backlog.limited = event.backlog > 0 and event.when_full == WAIT
    backlog.room = event.room
    backlogs.settle(event.queue)


def room_requested(state: ShardState, event: RoomRequested) -> None:
    """The dispatcher will know that more is wanted."""
    backlog = state.backlogs.queues.get(event.queue)
    if backlog is not None:
        state.backlogs.noted.touched(event.queue)
        backlog.asked = True


def follow(state: ShardState, event: Message) -> None:
    """Keep up with room that is used, and with what becomes of a workflow of which something is held back."""
    backlogs = state.backlogs
    if isinstance(event, TaskScheduled):
        backlogs.scheduled(event.queue, event.workflow_id, event.step)
        return
    workflow_id = getattr(event, "workflow_id", "")
    held = backlogs.runs.get(workflow_id)
    if held is None:
        return
    run = state.runs.get(workflow_id)
    step = getattr(event, "step", None)
    if run is None:
        backlogs.ended(workflow_id)
    elif step is None:
        for number in list(held.steps):
            _check(state, workflow_id, number)
        if workflow_id in backlogs.runs:
            backlogs.stands_still(workflow_id, halted=run.halted)
    elif step in held.steps:
        _check(state, workflow_id, step)


def _check(state: ShardState, workflow_id: str, step: int) -> None:
    found = state.runs[workflow_id].open.get(step)
    if found is None or found.phase != HELD:
        state.backlogs.forget(workflow_id, step)
