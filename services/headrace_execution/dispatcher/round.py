"""What a decision is made with."""

from __future__ import annotations

import msgspec

from headrace.contracts.task_events import TaskScheduled
from headrace_execution.dispatcher.lanes import Key
from headrace_execution.dispatcher.limits import QueueLimit
from headrace_execution.dispatcher.state import DispatcherState


class DispatchLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that decisions follow; see `headrace.runtime.execution_settings` for the reasons."""

    worker_timeout_ms: int = 5_000
    worker_confirm_ms: int = 500
    poison_losses: int = 3
    remembered_ends: int = 4_096
    canaries: int = 1_000
    queues: tuple[QueueLimit, ...] = ()

    @property
    def quarantine_from(self) -> int:
        """Return the losses from which on an attempt runs alone: the next loss is the last."""
        return max(self.poison_losses - 1, 1)


class Round(msgspec.Struct, kw_only=True):
    """One decision: the state, the time, and what the events of one journal record add up to.

    `ended` are assignments whose slots are free, `fresh` the attempts that the record schedules: both are told when the
    whole record has been looked at, so that a task that is scheduled and cancelled in one record never starts.
    """

    state: DispatcherState
    limits: DispatchLimits
    now_ms: int
    shard: int = 0
    """This dispatcher shard."""
    shards: int = 1
    """How many there are."""
    decision_shards: int = 1
    decision_shard: int = -1
    """The decision shard whose record this is."""
    ended: dict[int, None] = {}
    retrying: dict[int, None] = {}
    """Those of them that failed, with notes for the next attempt."""
    fresh: dict[Key, TaskScheduled] = {}
