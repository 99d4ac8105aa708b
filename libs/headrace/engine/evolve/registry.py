"""Which function changes the state for which event: the table of contents of the fold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from headrace.contracts import backlog_events as b
from headrace.contracts import child_events as c
from headrace.contracts import control_events as co
from headrace.contracts import lease_events as le
from headrace.contracts import rebuild_events as rb
from headrace.contracts import record_events as r
from headrace.contracts import schedule_events as s
from headrace.contracts import task_events as t
from headrace.contracts import timer_events as ti
from headrace.contracts import wait_events as wa
from headrace.contracts import workflow_events as w
from headrace.contracts.message import Message
from headrace.engine.evolve import backlog, child, control, notes, rebuilding, schedule, task, timer, waits, workflow
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
    rb.RebuildBegun: rebuilding.rebuild_begun,
    rb.RebuildEnded: rebuilding.rebuild_ended,
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
    b.TaskHeld: backlog.task_held,
    le.LeaseRequested: task.lease_requested,
    le.LeaseRecorded: task.lease_recorded,
    ti.TimerStarted: timer.timer_started,
    ti.TimerFired: timer.timer_fired,
    ti.TimerCancelled: timer.timer_cancelled,
    c.ChildRequested: child.child_requested,
    c.ChildEnded: child.child_ended,
    c.ChildCancelRequested: child.child_cancel_requested,
    r.ValueRecorded: notes.value_recorded,
    r.SearchAttributesSet: notes.search_attributes_set,
    r.Published: notes.published,
    r.WorkflowContinued: notes.workflow_continued,
    wa.SignalReceived: waits.signal_received,
    wa.AttachRequested: waits.attach_requested,
    wa.SignalRequested: waits.signal_requested,
    wa.CallbackOpened: waits.callback_opened,
    wa.CallbackHeartbeat: waits.callback_heartbeat,
    wa.StepEnded: waits.step_ended,
    wa.StepCancelled: waits.step_cancelled,
    wa.WatcherAdded: waits.watcher_added,
    wa.WatcherRemoved: waits.watcher_removed,
    co.WorkflowPaused: control.workflow_paused,
    co.WorkflowResumed: control.workflow_resumed,
    co.WorkflowMigrated: control.workflow_migrated,
    co.HeldInputTaken: control.held_input_taken,
    co.StepReused: control.step_reused,
}

SCHEDULE_EVOLVERS: dict[type[Message], Callable[[ShardState, Any], None]] = {
    s.ScheduleSet: schedule.schedule_set,
    s.ScheduleDeleted: schedule.schedule_deleted,
    s.SchedulePaused: schedule.schedule_paused,
    s.ScheduleResumed: schedule.schedule_resumed,
    s.ScheduleFired: schedule.schedule_fired,
    s.ScheduleQueued: schedule.schedule_queued,
    s.ScheduleSkipped: schedule.schedule_skipped,
    s.ScheduleBackfillStarted: schedule.schedule_backfill_started,
    s.ScheduleCancelRequested: schedule.schedule_cancel_requested,
    s.ScheduleRunEnded: schedule.schedule_run_ended,
    wa.StepAnswered: waits.step_answered,
}
"""Events of schedules, and answers to other workflows: they change no run."""

BACKLOG_EVOLVERS: dict[type[Message], Callable[[ShardState, Any], None]] = {
    b.BacklogNoted: backlog.backlog_noted,
    b.RoomRequested: backlog.room_requested,
}
"""Events of queues: they change no run."""

NO_STATE: frozenset[type[Message]] = frozenset(
    {w.StartRefused, w.CommandRejected, w.CommandForwarded, wa.CommandRefused, co.MigrationChecked, le.LeaseReturned}
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
        if state.backlogs.queues or state.backlogs.runs:
            backlog.follow(state, event)
        return
    change = SCHEDULE_EVOLVERS.get(type(event)) or BACKLOG_EVOLVERS.get(type(event))
    if change is not None:
        change(state, event)
