"""Long records, replayed in slices, so that the other workflows of a shard do not wait for one of them.

A run whose coroutine is further behind its record than one decision may replay is not activated: what came for it is
recorded, and that it waits (`RebuildBegun`). Ticks then replay one slice each, and other inputs are decided between
them. How far a rebuilding has come stands in no journal, since a new owner has to begin anew in any case.
"""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.message import Message
from headrace.contracts.rebuild_events import RebuildEnded
from headrace.engine.context import Context
from headrace.engine.decide.advance import advance, caught_up_or_stuck
from headrace.engine.state import ShardState

AT_ONCE = 1
"""When the next slice is due, in ms since the epoch: a time that has always come."""


def tick(context: Context, state: ShardState, now_ms: int) -> Iterator[Message]:
    """Replay one slice of the run that waits longest; yield what follows once its coroutine is there."""
    if not state.rebuilding or state.pending:
        return
    workflow_id = next(iter(state.rebuilding))
    run = state.runs[workflow_id]
    if not run.halted:
        kernel = yield from caught_up_or_stuck(context, run, now_ms, deliveries=context.limits.replay_at_once)
        if kernel is not None and context.activations.behind(run):
            return
    yield RebuildEnded(workflow_id=workflow_id, run_id=run.run_id, at=now_ms)
    yield from advance(context, run, now_ms)
