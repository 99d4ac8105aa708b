"""Every event that can stand in a journal, in one list: the codec, the fold tests and the relay read it."""

from __future__ import annotations

from headrace.contracts.child_events import (
    ChildCancelRequested,
    ChildEnded,
    ChildRequested,
)
from headrace.contracts.dispatch_events import (
    AssignmentsEnded,
    AttemptLost,
    AttemptRefused,
    AttemptsNoted,
    AttemptTimedOut,
    BacklogCleared,
    BacklogFull,
    TaskAssigned,
    TaskDropped,
    TaskOverdue,
    TaskQueued,
    TaskRequeued,
    TaskServed,
    TaskUnserved,
)
from headrace.contracts.journal import InputMarked
from headrace.contracts.lease_events import (
    LeaseRecorded,
    LeaseRequested,
    LeaseReturned,
)
from headrace.contracts.message import Message
from headrace.contracts.resource_events import (
    LeaseGranted,
    LeaseQueued,
    LeaseRefused,
    LeaseReleased,
    ResourceDeclared,
)
from headrace.contracts.task_events import (
    AssignmentRevoked,
    NodeEnded,
    TaskCancelled,
    TaskFailed,
    TaskRefused,
    TaskReleased,
    TaskScheduled,
    TaskSkipped,
    TaskSucceeded,
    TaskTimedOut,
)
from headrace.contracts.timer_events import (
    TimerCancelled,
    TimerFired,
    TimerStarted,
)
from headrace.contracts.worker_events import (
    WorkerJoined,
    WorkerLeft,
    WorkerLost,
    WorkerMeasured,
    WorkerStopping,
)
from headrace.contracts.workflow_events import (
    ActivationResumed,
    ActivationYielded,
    CancelRequested,
    CommandForwarded,
    CommandHeld,
    CommandRejected,
    PreviousRecorded,
    StartRefused,
    WorkflowCancelled,
    WorkflowFailed,
    WorkflowStarted,
    WorkflowStuck,
    WorkflowSucceeded,
    WorkflowTerminated,
    WorkflowTimedOut,
)

WORKFLOW_EVENTS: tuple[type[Message], ...] = (
    WorkflowStarted,
    StartRefused,
    CommandRejected,
    CommandForwarded,
    CancelRequested,
    WorkflowSucceeded,
    WorkflowFailed,
    WorkflowCancelled,
    WorkflowTerminated,
    WorkflowTimedOut,
    WorkflowStuck,
    CommandHeld,
    ActivationYielded,
    ActivationResumed,
    PreviousRecorded,
    TaskScheduled,
    TaskSucceeded,
    TaskFailed,
    TaskTimedOut,
    TaskCancelled,
    TaskSkipped,
    TaskReleased,
    TaskRefused,
    NodeEnded,
    AssignmentRevoked,
    LeaseRequested,
    LeaseRecorded,
    LeaseReturned,
    TimerStarted,
    TimerFired,
    TimerCancelled,
    ChildRequested,
    ChildEnded,
    ChildCancelRequested,
)
TASK_EVENTS: tuple[type[Message], ...] = (
    WorkerJoined,
    WorkerStopping,
    WorkerLeft,
    WorkerLost,
    TaskQueued,
    TaskAssigned,
    AssignmentsEnded,
    TaskRequeued,
    TaskDropped,
    AttemptTimedOut,
    AttemptLost,
    TaskUnserved,
    TaskServed,
    TaskOverdue,
    AttemptRefused,
    BacklogFull,
    BacklogCleared,
    AttemptsNoted,
    WorkerMeasured,
)
RESOURCE_EVENTS: tuple[type[Message], ...] = (
    ResourceDeclared,
    LeaseQueued,
    LeaseGranted,
    LeaseReleased,
    LeaseRefused,
)
RUNTIME_EVENTS: tuple[type[Message], ...] = (InputMarked,)
"""Events of the shard runtime itself, in any journal; no decider sees them."""
ALL_EVENTS: tuple[type[Message], ...] = WORKFLOW_EVENTS + TASK_EVENTS + RESOURCE_EVENTS + RUNTIME_EVENTS
