"""Which runs are stuck, and when it is looked whether a newer version of their definition goes on with their record.

The runs are part of the state: an index over it, so that a shard need not unpack all of its runs to find them. When it
is looked next, and what this process has tried, is not: whoever takes the shard over looks at once.
"""

from __future__ import annotations

from collections import deque

import msgspec

from headrace.engine.run import Run


class StuckRun(msgspec.Struct, frozen=True, gc=False):
    """What is known of a stuck run without unpacking it. `tried` is the last version that did not either."""

    run_id: str
    name: str
    version: str
    error: str
    tried: str


class StuckWatch(msgspec.Struct, kw_only=True):
    """What a process remembers of its looking: when it looks next (ms since the epoch), and at whom in this round."""

    next_at: int = 0
    round: deque[str] = msgspec.field(default_factory=deque)
    own_tried: set[str] = msgspec.field(default_factory=set)
    """Runs whose own version this process has tried again: it may know what the former one did not."""


def stuck_run(run: Run) -> StuckRun:
    """Return the entry of a run."""
    return StuckRun(run.run_id, run.name, run.version, run.stuck, run.stuck_tried)
