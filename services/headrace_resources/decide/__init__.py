"""What a resource shard decides on: one file per kind of input, and the registry of journal events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from headrace.contracts.lease_events import LeaseRequested, LeaseReturned
from headrace.contracts.message import Message
from headrace.contracts.task_events import TaskCancelled, TaskFailed, TaskReleased, TaskSucceeded, TaskTimedOut
from headrace_resources.decide.lease_requested import lease_requested
from headrace_resources.decide.lease_returned import lease_returned
from headrace_resources.decide.round import Round
from headrace_resources.decide.run_ended import run_ended
from headrace_resources.decide.task_ended import task_cancelled, task_ended
from headrace_resources.evolve import RUN_ENDINGS

# Every event of workflow.journal that concerns a lease. The others that stand in the same records are passed over.
EVENT_DECIDERS: dict[type[Message], Callable[[Round, Any], Iterator[Message]]] = {
    LeaseRequested: lease_requested,
    LeaseReturned: lease_returned,
    TaskSucceeded: task_ended,
    TaskFailed: task_ended,
    TaskTimedOut: task_ended,
    TaskReleased: task_ended,
    TaskCancelled: task_cancelled,
    **dict.fromkeys(RUN_ENDINGS, run_ended),
}
