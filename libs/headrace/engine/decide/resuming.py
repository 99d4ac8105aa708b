"""The rest of a decision that was too large for one record."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.message import Message
from headrace.contracts.workflow_events import ActivationResumed
from headrace.engine.context import Context
from headrace.engine.decide.advance import advance
from headrace.engine.decide.leases import dispatched
from headrace.engine.run import LEASE
from headrace.engine.state import ShardState


def resume(context: Context, state: ShardState, now_ms: int) -> Iterator[Message]:
    """Yield the next part of the first decision that is pending: attempts whose lease has come, then what is asked for
    next.
    """
    run = state.runs[state.pending[0]]
    yield ActivationResumed(workflow_id=run.workflow_id, run_id=run.run_id, at=now_ms)
    for number, step in list(run.open.items()):
        if step.phase == LEASE and step.fencing_token and not (yield from dispatched(context, run, number, now_ms)):
            return
    yield from advance(context, run, now_ms)
