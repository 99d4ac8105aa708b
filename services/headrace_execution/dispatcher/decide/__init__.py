"""The table of contents: what is decided on which input, one file each.

`EVENT_DECIDERS` are the events of `workflow.journal`, `REPORT_DECIDERS` the messages of `worker.reports`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from headrace.contracts.backlog_events import RoomRequested
from headrace.contracts.message import Message
from headrace.contracts.reports import WorkerGoodbye, WorkerHeartbeat, WorkerHello
from headrace.contracts.task_events import (
    TaskCancelled,
    TaskFailed,
    TaskReleased,
    TaskScheduled,
    TaskSucceeded,
    TaskTimedOut,
)
from headrace.contracts.workflow_events import (
    CommandHeld,
    WorkflowCancelled,
    WorkflowFailed,
    WorkflowStuck,
    WorkflowSucceeded,
    WorkflowTerminated,
    WorkflowTimedOut,
)
from headrace_execution.dispatcher.decide.backlog import room_requested
from headrace_execution.dispatcher.decide.run_ended import run_ended
from headrace_execution.dispatcher.decide.run_stuck import run_stuck
from headrace_execution.dispatcher.decide.task_cancelled import task_cancelled
from headrace_execution.dispatcher.decide.task_ended import attempt_closed, attempt_ended
from headrace_execution.dispatcher.decide.task_scheduled import task_scheduled
from headrace_execution.dispatcher.decide.worker_goodbye import worker_goodbye
from headrace_execution.dispatcher.decide.worker_heartbeat import worker_heartbeat
from headrace_execution.dispatcher.decide.worker_hello import worker_hello
from headrace_execution.dispatcher.round import Round

Decide = Callable[[Round, Any], Iterator[Message]]

EVENT_DECIDERS: dict[type[Message], Decide] = {
    TaskScheduled: task_scheduled,
    TaskSucceeded: attempt_ended,
    TaskFailed: attempt_ended,
    TaskTimedOut: attempt_closed,
    TaskReleased: attempt_closed,
    TaskCancelled: task_cancelled,
    WorkflowSucceeded: run_ended,
    WorkflowFailed: run_ended,
    WorkflowCancelled: run_ended,
    WorkflowTerminated: run_ended,
    WorkflowTimedOut: run_ended,
    WorkflowStuck: run_stuck,
    CommandHeld: run_stuck,
    RoomRequested: room_requested,
}
REPORT_DECIDERS: dict[type[Message], Decide] = {
    WorkerHello: worker_hello,
    WorkerHeartbeat: worker_heartbeat,
    WorkerGoodbye: worker_goodbye,
}
