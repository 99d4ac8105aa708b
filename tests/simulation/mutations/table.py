"""The list of mutations: which rule is taken out, and the seeds that are known to notice it quickly."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import msgspec

from tests.simulation.mutations import checkpointing, deciding, reading, recovering


class Mutation(msgspec.Struct, frozen=True, kw_only=True):
    """One rule that is taken out by `apply`. `seeds` are tried first, then those of `range(SEEDS)`."""

    name: str
    apply: Callable[[], AbstractContextManager[None]]
    seeds: tuple[int, ...] = ()


SEEDS = 60
"""If none of so many seeds notices that a rule is gone, the simulation does not test it."""
PATIENCE_ROUNDS = 2_500
"""A world without a rule may never come to rest: for so long it is waited for."""


MUTATIONS = tuple(
    Mutation(name=apply.__name__, apply=apply)
    for apply in (
        reading.ignore_failed_delivery,
        reading.drop_n,
        reading.drop_epoch,
        recovering.forget_positions,
        reading.begin_anywhere,
        checkpointing.zombie_writes_snapshots,
        checkpointing.snapshot_unacknowledged,
        checkpointing.half_a_checkpoint_counts,
        recovering.position_off_by_one,
        reading.keep_state_after_gap,
        recovering.init_after_loading,
        checkpointing.delete_before_commit,
        recovering.progress_for_others,
        reading.timers_before_catching_up,
        deciding.forget_run_id,
        deciding.report_before_acknowledged,
        deciding.failure_of_a_lost_worker_counts,
        recovering.go_on_after_broken_evolve,
        recovering.over_large_decision,
        recovering.older_code_takes_over,
    )
)
