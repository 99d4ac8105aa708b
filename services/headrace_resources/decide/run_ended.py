"""A run ended: all that it holds or waits for ends with it."""

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
from headrace_resources.decide.limits import EVENTS_PER_ROUND
from headrace_resources.decide.round import Round

RunEnding = WorkflowSucceeded | WorkflowFailed | WorkflowCancelled | WorkflowTerminated | WorkflowTimedOut


def run_ended(round_: Round, event: RunEnding) -> Iterator[Message]:
    """End every claim of a run, as far as one round goes; the rest is pending in the state."""
    for key in [key for key in round_.requests if key[0] == event.run_id]:
        del round_.requests[key]
    yield from release_run(round_, event.run_id, event.type_name())


def release_run(round_: Round, run_id: str, reason: str) -> Iterator[Message]:
    """Yield the releases of a run's claims, at most one round's worth."""
    claims = sorted(round_.state.runs.get(run_id, {}).items())
    for _, claim in claims[:EVENTS_PER_ROUND]:
        yield round_.release(claim, reason)
