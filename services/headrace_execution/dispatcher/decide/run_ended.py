"""WorkflowSucceeded and all the other ends of a run: whatever it still has here is no longer wanted."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.message import Message
from headrace.contracts.workflow_events import (
    WorkflowCancelled,
    WorkflowFailed,
    WorkflowSucceeded,
    WorkflowTerminated,
    WorkflowTimedOut,
)
from headrace_execution.dispatcher.decide.dropping import drop
from headrace_execution.dispatcher.round import Round

RunEnd = WorkflowSucceeded | WorkflowFailed | WorkflowCancelled | WorkflowTerminated | WorkflowTimedOut


def run_ended(round_: Round, event: RunEnd) -> Iterator[Message]:
    """Drop what waits and stop what runs."""
    for key in [key for key in round_.fresh if key[0] == event.run_id]:
        del round_.fresh[key]
    keys = (key for step in round_.state.runs.get(event.run_id, {}).values() for key in step)
    for key in sorted(keys):
        yield from drop(round_, round_.state.open[key], "ended")
