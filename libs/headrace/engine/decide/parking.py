"""What breaks in the middle of a decision parks the run that it was about, and nobody else.

An input may be about many runs: a journal record carries what a dispatcher says to a shard in a whole round, a tick all
timers that are due. So each part is decided by itself, and what breaks is found by its run:

- an exception in a decision: the run is STUCK, the parts after it are decided as ever;
- an event that the fold cannot take: the state is half changed then, so the runtime drops it, replays the journal, and
  tells the next decider of the event (`refuse`); when a decision comes to that event again, its run is STUCK instead.
"""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.message import Message
from headrace.contracts.workflow_events import WorkflowStarted, WorkflowStuck
from headrace.engine.context import Context, RefusedKey
from headrace.engine.decide.advance import stuck
from headrace.engine.run import STUCK
from headrace.engine.state import ShardState

DECISION_FAILED = "headrace.DecisionFailed"


def refuse(context: Context, event: Message, error: Exception) -> bool:
    """Remember an event that could not be folded; False when that is of no use: nothing can be parked for it."""
    key = _key(event)
    if key is None or key in context.refused or isinstance(event, WorkflowStarted | WorkflowStuck):
        return False
    context.refused[key] = f"{type(error).__name__}: {error}"
    return True


def parking(context: Context, state: ShardState, events: Iterator[Message], now_ms: int) -> Iterator[Message]:
    """Return the events of a decision; at one that could not be folded before, it ends, and the run is parked."""
    return _until_refused(context, state, events, now_ms) if context.refused else events


def park(context: Context, state: ShardState, workflow_id: str, cause: str, now_ms: int) -> Iterator[Message]:
    """Park the open run of a workflow, unless it is parked already."""
    run = state.runs.get(workflow_id)
    if run is not None and run.status != STUCK:
        yield from stuck(context, run, DECISION_FAILED, cause, now_ms)


def _until_refused(context: Context, state: ShardState, events: Iterator[Message], now_ms: int) -> Iterator[Message]:
    for event in events:
        key = _key(event)
        cause = context.refused.get(key) if key is not None else None
        if cause is not None:
            run = state.run_of(event.workflow_id, event.run_id)  # type: ignore[attr-defined]
            if run is not None:
                yield from park(context, state, run.workflow_id, cause, now_ms)
            return
        yield event


def _key(event: Message) -> RefusedKey | None:
    run_id = getattr(event, "run_id", "")
    if not run_id or not getattr(event, "workflow_id", ""):
        return None
    return run_id, event.type_name(), getattr(event, "step", -1)
