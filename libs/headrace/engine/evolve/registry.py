"""Which function changes the state for which event: the table of contents of the fold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from headrace.contracts import child_events as c
from headrace.contracts import lease_events as le
from headrace.contracts import task_events as t
from headrace.contracts import timer_events as ti
from headrace.contracts import workflow_events as w
from headrace.contracts.message import Message
from headrace.engine.evolve import child, task, timer, workflow
from headrace.engine.state import ShardState

EVOLVERS: dict[type[Message], Callable[[ShardState, Any], None]] = {
    w.WorkflowStarted: workflow.workflow_started,
    w.WorkflowSucceeded: workflow.workflow_ended,
    w.WorkflowFailed: workflow.workflow_ended,
    w.WorkflowCancelled: workflow.workflow_ended,
    w.WorkflowTerminated: workflow.workflow_ended,
    w.WorkflowTimedOut: workflow.workflow_ended,
    w.WorkflowStuck: workflow.workflow_stuck,
    w.CancelRequested: workflow.cancel_requested,
    w.CommandHeld: workflow.command_held,
    w.ActivationYielded: workflow.activation_yielded,
    w.ActivationResumed: workflow.activation_resumed,
    w.PreviousRecorded: workflow.previous_recorded,
    t.TaskScheduled: task.task_scheduled,
    t.TaskSucceeded: task.task_succeeded,
    t.TaskFailed: task.task_failed,
    t.TaskTimedOut: task.task_timed_out,
    t.TaskCancelled: task.task_cancelled,
    t.TaskSkipped: task.task_skipped,
    t.TaskReleased: task.task_released,
    t.TaskRefused: task.task_refused,
    t.NodeEnded: task.node_ended,
    t.AssignmentRevoked: task.assignment_revoked,
    le.LeaseRequested: task.lease_requested,
    le.LeaseRecorded: task.lease_recorded,
    ti.TimerStarted: timer.timer_started,
    ti.TimerFired: timer.timer_fired,
    ti.TimerCancelled: timer.timer_cancelled,
    c.ChildRequested: child.child_requested,
    c.ChildEnded: child.child_ended,
    c.ChildCancelRequested: child.child_cancel_requested,
}

NO_STATE: frozenset[type[Message]] = frozenset(
    {w.StartRefused, w.CommandRejected, w.CommandForwarded, le.LeaseReturned}
)
"""Events that tell somebody else something and change nothing here."""


def evolve(state: ShardState, event: Message) -> None:
    """Change the state by one event of the shard's own journal."""
    change = EVOLVERS.get(type(event))
    if change is not None:
        change(state, event)
        if type(event) is w.WorkflowStarted:
            state.runs.changed.made(event.workflow_id)
        elif type(event) is not w.PreviousRecorded:
            state.runs.changed.touched(event.workflow_id)  # type: ignore[attr-defined]
