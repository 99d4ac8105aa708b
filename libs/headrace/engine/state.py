"""The state of a decision shard: open runs, closed ids, last results, timers, and the rest of decisions that were too
large.

Everything in here is changed by `evolve` only, event by event; what can be derived (the timer heap) is kept beside it
for speed.
"""

from __future__ import annotations

from collections import deque

import msgspec

from headrace.engine.closed import ClosedIds
from headrace.engine.last_results import LastResults
from headrace.engine.run import Run
from headrace.engine.runs import Runs
from headrace.engine.timers import TimerHeap


class ShardState(msgspec.Struct, kw_only=True):
    """The fold of one `workflow.journal` partition."""

    shard: int
    runs: Runs
    closed: ClosedIds
    previous: LastResults
    timers: TimerHeap = msgspec.field(default_factory=TimerHeap)
    pending: deque[str] = msgspec.field(default_factory=deque)

    def run_of(self, workflow_id: str, run_id: str) -> Run | None:
        """Return the open run with exactly this id; nothing late from an old run touches a new one."""
        run = self.runs.get(workflow_id)
        return run if run is not None and run.run_id == run_id else None

    def set_timer(self, due_at: int, workflow_id: str, step: int) -> None:
        """Set a timer, in ms since the epoch. None is ever cleared: what means nothing any more is passed over."""
        self.timers.set(due_at, workflow_id, step)
        if self.timers.crowded:
            self.timers.sweep(self.runs.has_timer)
