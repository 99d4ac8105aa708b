"""Which events everybody may read, and on which public topic: the relay's table, and what listeners may ask for.

What is missing here is internal to the services: rounds of a decision, a dispatcher's bookkeeping, a workflow's side of
a lease. `INTERNAL_EVENTS` lists it, and a test holds the two against all events, so that every new event is decided on.
"""

from __future__ import annotations

from headrace.contracts import (
    backlog_events,
    child_events,
    control_events,
    dispatch_events,
    io_accounts,
    journal,
    lease_events,
    rebuild_events,
    record_events,
    resource_events,
    schedule_events,
    task_events,
    timer_events,
    topics,
    wait_events,
    worker_events,
    workflow_events,
)
from headrace.contracts.message import Message

_WORKFLOW: tuple[type[Message], ...] = (
    workflow_events.WorkflowStarted,
    workflow_events.StartRefused,
    workflow_events.CancelRequested,
    workflow_events.WorkflowSucceeded,
    workflow_events.WorkflowFailed,
    workflow_events.WorkflowCancelled,
    workflow_events.WorkflowTerminated,
    workflow_events.WorkflowTimedOut,
    workflow_events.WorkflowStuck,
    timer_events.TimerStarted,
    timer_events.TimerFired,
    timer_events.TimerCancelled,
    child_events.ChildRequested,
    child_events.ChildEnded,
    child_events.ChildCancelRequested,
    control_events.WorkflowPaused,
    control_events.WorkflowResumed,
    control_events.WorkflowMigrated,
    control_events.MigrationChecked,
    control_events.StepReused,
    wait_events.SignalReceived,
    wait_events.CommandRefused,
    wait_events.AttachRequested,
    wait_events.SignalRequested,
    wait_events.StepEnded,
    wait_events.StepCancelled,
    wait_events.CallbackOpened,
    record_events.ValueRecorded,
    record_events.SearchAttributesSet,
    record_events.Published,
    record_events.WorkflowContinued,
    schedule_events.ScheduleSet,
    schedule_events.ScheduleDeleted,
    schedule_events.SchedulePaused,
    schedule_events.ScheduleResumed,
    schedule_events.ScheduleFired,
    schedule_events.ScheduleQueued,
    schedule_events.ScheduleSkipped,
    schedule_events.ScheduleBackfillStarted,
    schedule_events.ScheduleCancelRequested,
    schedule_events.ScheduleRunEnded,
)
_TASK: tuple[type[Message], ...] = (
    task_events.TaskScheduled,
    backlog_events.TaskHeld,
    task_events.TaskSucceeded,
    task_events.TaskFailed,
    task_events.TaskTimedOut,
    task_events.TaskCancelled,
    task_events.TaskSkipped,
    task_events.TaskReleased,
    task_events.TaskRefused,
    task_events.NodeEnded,
    dispatch_events.TaskAssigned,
    dispatch_events.TaskUnserved,
    dispatch_events.TaskServed,
    dispatch_events.TaskOverdue,
    dispatch_events.BacklogFull,
    dispatch_events.BacklogCleared,
    dispatch_events.CanarySet,
    dispatch_events.CanaryCleared,
    worker_events.WorkerJoined,
    worker_events.WorkerStopping,
    worker_events.WorkerLeft,
    worker_events.WorkerLost,
)
_RESOURCE: tuple[type[Message], ...] = (
    resource_events.ResourceDeclared,
    resource_events.LeaseQueued,
    resource_events.LeaseGranted,
    resource_events.LeaseReleased,
    resource_events.LeaseRefused,
)
PUBLIC_TOPIC: dict[type[Message], str] = {
    **dict.fromkeys(_WORKFLOW, topics.WORKFLOW_EVENTS),
    **dict.fromkeys(_TASK, topics.TASK_EVENTS),
    **dict.fromkeys(_RESOURCE, topics.RESOURCE_EVENTS),
}
"""The topic of every public event."""
INTERNAL_EVENTS: frozenset[type[Message]] = frozenset(
    {
        workflow_events.CommandRejected,  # goes to the dead letters
        workflow_events.CommandForwarded,
        workflow_events.CommandHeld,
        workflow_events.ActivationYielded,
        workflow_events.ActivationResumed,
        rebuild_events.RebuildBegun,
        rebuild_events.RebuildEnded,
        workflow_events.PreviousRecorded,
        lease_events.LeaseRequested,
        lease_events.LeaseRecorded,
        lease_events.LeaseReturned,
        task_events.AssignmentRevoked,
        dispatch_events.TaskQueued,
        dispatch_events.AssignmentsEnded,
        dispatch_events.TaskRequeued,
        dispatch_events.TaskDropped,
        dispatch_events.AttemptTimedOut,
        dispatch_events.AttemptLost,
        dispatch_events.AttemptsNoted,
        dispatch_events.RoomQueued,
        dispatch_events.RoomGranted,
        dispatch_events.QueueLimited,
        backlog_events.BacklogNoted,
        backlog_events.RoomRequested,
        worker_events.WorkerMeasured,
        wait_events.StepAnswered,
        wait_events.CallbackHeartbeat,
        wait_events.WatcherAdded,
        wait_events.WatcherRemoved,
        control_events.HeldInputTaken,
        journal.InputMarked,
    }
)
"""Every event that stays inside."""
DERIVED_TOPIC: dict[type[Message], str] = {io_accounts.IoOutOfRange: topics.TASK_EVENTS}
"""The topic of what the relay concludes from events of the journals; it stands in no journal itself."""
PUBLIC_NAMES: dict[str, str] = {event.type_name(): topic for event, topic in (PUBLIC_TOPIC | DERIVED_TOPIC).items()}
"""The topic of every public event, by the event's name."""


def public_key(event: Message) -> str:
    """Return the key of a public event's record: the schedule, the workflow id, the resource, the worker's name,
    or the queue.
    """
    if isinstance(event, dispatch_events.TaskAssigned):
        return event.task.workflow_id
    for field in ("schedule_id", "workflow_id", "resource", "worker", "queue"):
        key = getattr(event, field, None)
        if isinstance(key, str):
            return key
    raise AssertionError(f"Expected a public event, but found a {event.type_name()}")
