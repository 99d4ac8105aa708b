"""The fold's table of contents: which function turns which event into row changes. Every event stands here, or in
`IGNORED`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from headrace.contracts.message import Message
from headrace_status.fold import (
    dispatch_rows,
    plain_rows,
    queue_rows,
    resource_rows,
    schedule_rows,
    steering_rows,
    task_rows,
    wait_rows,
    worker_rows,
    workflow_rows,
)
from headrace_status.fold.changes import SOURCES, Change, Changes, Origin
from headrace_status.fold.history import history_row

Handler = Callable[[Any, Origin], Changes]

HANDLERS: dict[str, Handler] = {
    "WorkflowStarted": workflow_rows.workflow_started,
    "WorkflowSucceeded": workflow_rows.workflow_succeeded,
    "WorkflowFailed": workflow_rows.workflow_failed,
    "WorkflowCancelled": workflow_rows.workflow_cancelled,
    "WorkflowTerminated": workflow_rows.workflow_terminated,
    "WorkflowTimedOut": workflow_rows.workflow_timed_out,
    "WorkflowStuck": workflow_rows.workflow_stuck,
    "CancelRequested": workflow_rows.cancel_requested,
    "WorkflowPaused": steering_rows.workflow_paused,
    "WorkflowResumed": steering_rows.workflow_resumed,
    "WorkflowMigrated": steering_rows.workflow_migrated,
    "WorkflowContinued": steering_rows.workflow_continued,
    "SearchAttributesSet": steering_rows.search_attributes_set,
    "Published": steering_rows.published,
    "CommandRefused": wait_rows.command_refused,
    "StartRefused": workflow_rows.start_refused,
    "CommandRejected": workflow_rows.command_rejected,
    "TaskScheduled": task_rows.task_scheduled,
    "TaskSucceeded": task_rows.task_succeeded,
    "TaskFailed": task_rows.task_failed,
    "TaskTimedOut": task_rows.task_timed_out,
    "TaskCancelled": task_rows.task_cancelled,
    "TaskSkipped": task_rows.task_skipped,
    "TaskReleased": task_rows.task_released,
    "TaskRefused": task_rows.task_refused,
    "NodeEnded": task_rows.node_ended,
    "LeaseRequested": task_rows.lease_requested,
    "TimerStarted": task_rows.timer_started,
    "TimerFired": task_rows.timer_fired,
    "TimerCancelled": task_rows.timer_cancelled,
    "ChildRequested": task_rows.child_requested,
    "ChildEnded": task_rows.child_ended,
    "AttachRequested": wait_rows.attach_requested,
    "SignalRequested": wait_rows.signal_requested,
    "CallbackOpened": wait_rows.callback_opened,
    "CallbackHeartbeat": wait_rows.callback_heartbeat,
    "StepEnded": wait_rows.step_ended,
    "StepCancelled": wait_rows.step_cancelled,
    "StepReused": wait_rows.step_reused,
    "TaskQueued": dispatch_rows.task_queued,
    "TaskAssigned": dispatch_rows.task_assigned,
    "AssignmentsEnded": dispatch_rows.assignments_ended,
    "TaskRequeued": dispatch_rows.task_requeued,
    "TaskDropped": dispatch_rows.task_dropped,
    "AttemptLost": dispatch_rows.attempt_lost,
    "TaskUnserved": dispatch_rows.task_unserved,
    "TaskServed": dispatch_rows.task_served,
    "TaskHeld": task_rows.task_held,
    "QueueLimited": queue_rows.queue_limited,
    "BacklogFull": queue_rows.backlog_full,
    "BacklogCleared": queue_rows.backlog_cleared,
    "CanarySet": queue_rows.canary_set,
    "CanaryCleared": queue_rows.canary_cleared,
    "WorkerJoined": worker_rows.worker_joined,
    "WorkerStopping": worker_rows.worker_stopping,
    "WorkerLeft": worker_rows.worker_left,
    "WorkerLost": worker_rows.worker_lost,
    "WorkerMeasured": worker_rows.worker_measured,
    "ResourceDeclared": resource_rows.resource_declared,
    "LeaseQueued": resource_rows.lease_queued,
    "LeaseGranted": resource_rows.lease_granted,
    "LeaseReleased": resource_rows.lease_released,
    "LeaseRefused": resource_rows.lease_refused,
    "ScheduleSet": schedule_rows.schedule_set,
    "ScheduleDeleted": schedule_rows.schedule_deleted,
    "SchedulePaused": schedule_rows.schedule_paused,
    "ScheduleResumed": schedule_rows.schedule_resumed,
    "ScheduleFired": schedule_rows.schedule_fired,
    "ScheduleQueued": schedule_rows.schedule_queued,
    "ScheduleSkipped": schedule_rows.schedule_skipped,
    "ScheduleBackfillStarted": schedule_rows.schedule_backfill_started,
    "ScheduleRunEnded": schedule_rows.schedule_run_ended,
    "Definition": plain_rows.definition,
    "DefinitionLatest": plain_rows.definition_latest,
    "ListenerState": plain_rows.listener_state,
    "LogLine": plain_rows.log_line,
}
# Events that change no row of their own, with the reason; most still stand in the history.
IGNORED: dict[str, str] = {
    "CommandForwarded": "what it does follows from its record: see `records`",
    "TaskOverdue": "an alarm: only the history",
    "RoomQueued": "how much is held back follows from the tasks",
    "RoomGranted": "TaskScheduled follows for what is held back",
    "RoomRequested": "the dispatcher answers with RoomQueued",
    "BacklogNoted": "the dispatcher's BacklogFull has said so",
    "AttemptsNoted": "what an attempt keeps is for its next run, not for people",
    "AttemptTimedOut": "the decision service answers with TaskTimedOut",
    "AssignmentRevoked": "the dispatcher's TaskRequeued has said so",
    "LeaseRecorded": "TaskScheduled follows with the fencing token",
    "LeaseReturned": "the resource manager answers with LeaseReleased",
    "ChildCancelRequested": "the child's own events say what becomes of it",
    "SignalReceived": "waits until the workflow asks for it: only the history",
    "StepAnswered": "the workflow's own StepEnded says the same",
    "WatcherAdded": "the step of the workflow that waits shows it",
    "WatcherRemoved": "the step of the workflow that waits shows it",
    "ValueRecorded": "a note of the workflow for itself",
    "MigrationChecked": "nothing changed; whoever asked finds it in the history",
    "HeldInputTaken": "what follows from it has events of its own",
    "ScheduleCancelRequested": "the workflow's own events say what becomes of it",
    "CommandHeld": "the workflow is STUCK already",
    "ActivationYielded": "only the history of the shard",
    "ActivationResumed": "only the history of the shard",
    "RebuildBegun": "only the history of the shard",
    "RebuildEnded": "only the history of the shard",
    "InputMarked": "bookkeeping of the shard runtime",
    "PreviousRecorded": "an input of later runs, not a state of one",
}


def changes(event: Message, origin: Origin, at: int) -> list[Change]:
    """Return what an event does to the rows, its history row included. A type that this version does not know only
    makes history.
    """
    found: list[Change] = []
    if origin.topic in SOURCES:
        row = history_row(event, origin, at)
        if row is not None:
            found.append(row)
    handler = HANDLERS.get(type(event).__name__)
    if handler is not None:
        found += handler(event, origin)
    return found
