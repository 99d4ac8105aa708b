"""State changes of sleeps."""

from __future__ import annotations

from headrace.contracts.timer_events import TimerCancelled, TimerFired, TimerStarted
from headrace.engine.kernel.outcomes import SUCCEEDED, Outcome
from headrace.engine.run import TIMER, Delivered, OpenStep
from headrace.engine.state import ShardState


def timer_started(state: ShardState, event: TimerStarted) -> None:
    """A sleep begins."""
    run = state.runs[event.workflow_id]
    run.open[event.step] = OpenStep(kind=TIMER, node=event.node, index=event.index, due_at=event.due_at)
    run.steps.append(f"timer {event.node} {event.index}")
    state.set_timer(event.due_at, run.workflow_id, event.step)


def timer_fired(state: ShardState, event: TimerFired) -> None:
    """A sleep is over."""
    run = state.runs[event.workflow_id]
    del run.open[event.step]
    run.log.append(Delivered(event.step, Outcome(SUCCEEDED), event.at))


def timer_cancelled(state: ShardState, event: TimerCancelled) -> None:
    """A sleep was given up; giving up is a recorded request too."""
    run = state.runs[event.workflow_id]
    run.open.pop(event.step, None)
    run.steps.append(f"cancel {event.step}")
