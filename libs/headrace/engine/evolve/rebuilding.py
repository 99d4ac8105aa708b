"""State changes of long workflows whose coroutines are rebuilt."""

from __future__ import annotations

from headrace.contracts.rebuild_events import RebuildBegun, RebuildEnded
from headrace.engine.state import ShardState


def rebuild_begun(state: ShardState, event: RebuildBegun) -> None:
    """The run waits for its coroutine. It may be said again, at each input that comes meanwhile."""
    state.rebuilding[event.workflow_id] = None


def rebuild_ended(state: ShardState, event: RebuildEnded) -> None:
    """The run waits no more."""
    state.rebuilding.pop(event.workflow_id, None)
