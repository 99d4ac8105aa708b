"""Timers that are due: sleeps, pauses before a retry, and the time limit of a workflow."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.message import Message
from headrace.contracts.timer_events import TimerFired
from headrace.contracts.workflow_events import CancelRequested
from headrace.engine.context import Context
from headrace.engine.decide.advance import TIMED_OUT_REASON, advance
from headrace.engine.decide.attempts import next_attempt
from headrace.engine.decide.backlogs import waited_too_long
from headrace.engine.decide.callbacks import callback_timed_out
from headrace.engine.decide.end_workflow import cleaned_up_for_too_long
from headrace.engine.decide.parking import park, parking
from headrace.engine.run import BACKOFF, CALLBACK, HELD, WORKFLOW_TIMER, Run
from headrace.engine.state import ShardState


def due_at(state: ShardState) -> int | None:
    """Return when the first timer that still means something is due. Others are dropped on the way."""
    while (first := state.timers.first()) is not None:
        due, workflow_id, step = first
        if state.runs.has_timer(workflow_id, step, due):
            return due
        state.timers.drop_first()
    return None


def tick(context: Context, state: ShardState, now_ms: int) -> Iterator[Message]:
    """Yield the events of timers that are due, a bounded number at once; the runtime asks again while some are left."""
    for _ in range(context.limits.timers_per_tick):
        due = due_at(state)
        if due is None or due > now_ms or state.pending or context.room.left <= 0:
            return
        first = state.timers.first()
        assert first is not None
        _, workflow_id, step = first
        run = state.runs[workflow_id]
        try:
            yield from parking(context, state, _fired(context, run, step, now_ms), now_ms)
        except Exception as error:  # noqa: BLE001  the other timers are other workflows'
            yield from park(context, state, workflow_id, f"{type(error).__name__}: {error}, at a timer", now_ms)


def _fired(context: Context, run: Run, step: int, now_ms: int) -> Iterator[Message]:
    if step == WORKFLOW_TIMER and run.cancel_reason is not None:
        yield from cleaned_up_for_too_long(context, run, now_ms)
    elif step == WORKFLOW_TIMER:
        grace_ms = context.limits.cleanup_ms
        yield CancelRequested(
            workflow_id=run.workflow_id,
            run_id=run.run_id,
            reason=TIMED_OUT_REASON,
            at=now_ms,
            terminate_at=now_ms + grace_ms if grace_ms else 0,
        )
        yield from advance(context, run, now_ms)
    elif run.open[step].phase == BACKOFF:
        yield from next_attempt(context, run, step, now_ms)
    elif run.open[step].phase == HELD:
        yield from waited_too_long(context, run, step, now_ms)
    elif run.open[step].kind == CALLBACK:
        yield from callback_timed_out(context, run, step, now_ms)
    else:
        yield TimerFired(workflow_id=run.workflow_id, run_id=run.run_id, step=step, at=now_ms)
        yield from advance(context, run, now_ms)
