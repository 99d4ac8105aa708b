"""The state of a decision shard: open runs, closed ids, last results, schedules, timers, and the rest of decisions that
were too large.

Everything in here is changed by `evolve` only, event by event; what can be derived (the timer heap) is kept beside it
for speed.
"""

from __future__ import annotations

from collections import deque

import msgspec

from headrace.contracts.references import ParentRef
from headrace.engine.backlogs import Backlogs
from headrace.engine.closed import ClosedIds
from headrace.engine.identity import command_digest
from headrace.engine.kernel.outcomes import Outcome
from headrace.engine.last_results import LastResults
from headrace.engine.outcomes import Outcomes
from headrace.engine.packing import digests
from headrace.engine.retryable import FailedRuns
from headrace.engine.run import Run
from headrace.engine.runs import Runs
from headrace.engine.schedules.schedules import Schedules
from headrace.engine.stuck import StuckRun
from headrace.engine.timers import TimerHeap


class Telling(msgspec.Struct, kw_only=True):
    """A run that has ended while others waited for it, and those of them who were not told yet."""

    workflow_id: str
    outcome: Outcome
    watchers: list[ParentRef]


class ShardState(msgspec.Struct, kw_only=True):
    """The fold of one `workflow.journal` partition."""

    shard: int
    runs: Runs
    closed: ClosedIds
    previous: LastResults
    schedules: Schedules
    backlogs: Backlogs = msgspec.field(default_factory=Backlogs)
    timers: TimerHeap = msgspec.field(default_factory=TimerHeap)
    pending: deque[str] = msgspec.field(default_factory=deque)
    rebuilding: dict[str, None] = {}
    """Workflow ids of runs whose coroutines are rebuilt, those first that wait longest."""
    stuck: dict[str, StuckRun] = msgspec.field(default_factory=dict)
    """By workflow id: an index over the runs."""
    failed: FailedRuns
    outcomes: Outcomes
    telling: dict[str, Telling] = {}
    """By run id."""
    seen_per_run: int = 1_000
    """Commands that a run remembers to have accepted: signals, and what came for its callbacks."""

    def run_of(self, workflow_id: str, run_id: str) -> Run | None:
        """Return the open run with exactly this id; nothing late from an old run touches a new one."""
        run = self.runs.get(workflow_id)
        return run if run is not None and run.run_id == run_id else None

    def accepted(self, workflow_id: str, command_id: str) -> bool:
        """Tell whether a run has accepted this command before: the open one, or the last one as long as that is
        remembered.
        """
        if not command_id:
            return False
        digest = command_digest(command_id)
        run = self.runs.get(workflow_id)
        if run is not None:
            return digest in run.seen
        ended = self.outcomes.get(workflow_id)
        return ended is not None and digest in digests(ended.seen)

    def set_timer(self, due_at: int, workflow_id: str, step: int) -> None:
        """Set a timer, in ms since the epoch. None is ever cleared: what means nothing any more is passed over."""
        self.timers.set(due_at, workflow_id, step)
        if self.timers.crowded:
            self.timers.sweep(self.runs.has_timer)
