"""The list of mutations: which rule is taken out, and the seeds that are known to notice it quickly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import msgspec

from tests.simulation.mutations import (
    checkpointing,
    deciding,
    dispatching,
    going_on,
    operating,
    reading,
    recovering,
    scheduling,
    waiting,
)


class Mutation(msgspec.Struct, frozen=True, kw_only=True):
    """One rule that is taken out by `apply`, in worlds whose shape makes it matter.

    `seeds` are known to notice and tried first; then come those of `range(SEEDS)`.
    """

    apply: Callable[[], AbstractContextManager[None]]
    shape: Mapping[str, Any] = {}
    seeds: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """Return what the mutation is called."""
        return self.apply.__name__


SEEDS = 40
"""If none of so many seeds notices that a rule is gone, the simulation does not test it."""
PATIENCE_ROUNDS = 2_000
"""A world without a rule may never come to rest: for so long it is waited for. Seeds that need longer anyway are left
out.
"""

_MANY_FAULTS: Mapping[str, Any] = {"fault_rate": 0.08, "delivery_fault_rate": 0.03}
_PIPELINES: Mapping[str, Any] = {
    "fault_rate": 0.01,
    "faults": ("steal",),
    "delivery_fault_rate": 0.1,
    "record_inputs": 1,
    "in_flight_records": 16,
    "actions": 800,
}
_TWO_OWNERS: Mapping[str, Any] = {
    "fault_rate": 0.1,
    "faults": ("late_news", "news", "steal", "pause", "wake", "new_reader"),
    "processes": 3,
    "in_flight_records": 16,
    "actions": 800,
}
_CHECKPOINTS: Mapping[str, Any] = {"checkpoint_ms": 300, "checkpoint_events": 5}
_DYING_WORKERS: Mapping[str, Any] = {
    "fault_rate": 0.08,
    "faults": ("worker_pause", "worker_crash", "lose_time"),
    "workers": 3,
    "tasks": ["bad", "flaky", "echo"],
    "actions": 1_000,
}
_CUT_OFF_WORKERS: Mapping[str, Any] = {
    "fault_rate": 0.02,
    "faults": ("worker_cut_off",),
    "delivery_fault_rate": 0.0,
    "workers": 3,
    "slots": 3,
    "tasks": ["bad"],
    "work_ms": (0, 4_000),
    "impatience": 0.0,
    "actions": 6_000,
}
_STOPPING_WORKERS: Mapping[str, Any] = {
    "fault_rate": 0.03,
    "faults": ("worker_stop", "worker_crash"),
    "workers": 3,
    "slots": 3,
    "tasks": ["outside"],
    "items": (3,),
    "starts": 12,
    "graphs": 3,
    "work_ms": (400, 4_000),
    "impatience": 0.0,
    "actions": 1_600,
}
_CROWDED: Mapping[str, Any] = {
    "fault_rate": 0.0,
    "workers": 3,
    "slots": 3,
    "items": (24,),
    "graphs": 3,
    "starts": 8,
    "tasks": ["echo", "heavy"],
    "work_ms": (5, 200),
    "actions": 1_000,
}
_WIDE: Mapping[str, Any] = {
    "fault_rate": 0.0,
    "record_limit_bytes": 16_000,
    "items": (60,),
    "starts": 8,
    "actions": 300,
    "graphs": 3,
    "workers": 1,
    "slots": 1,
    "tasks": ["echo"],
}
_RESTARTS: Mapping[str, Any] = {"impatience": 0.02, "reuse": 0.9, "starts": 40, "graphs": 1, "tasks": ["echo", "heavy"]}
_OPERATORS = {"operators": 0.1, "replay_at_once": 1_000}
_KEEPERS: Mapping[str, Any] = {
    "keepers": 0.1,
    "fault_rate": 0.0,
    "delivery_fault_rate": 0.0,
    "starts": 0,
    "actions": 1_500,
}
_WAITS: Mapping[str, Any] = {"waits": 0.1, "fault_rate": 0.01}

MUTATIONS = (
    Mutation(apply=reading.ignore_failed_delivery, shape=_MANY_FAULTS, seeds=(12, 13, 18)),
    Mutation(apply=reading.drop_n, shape=_PIPELINES, seeds=(2, 4, 9)),
    Mutation(apply=reading.drop_epoch, shape=_TWO_OWNERS, seeds=(1, 3, 9)),
    Mutation(apply=recovering.forget_positions, seeds=(0, 2, 3)),
    Mutation(apply=reading.begin_anywhere, shape=_TWO_OWNERS, seeds=(1, 17, 7)),
    Mutation(
        apply=checkpointing.zombie_writes_snapshots,
        shape={**_TWO_OWNERS, **_CHECKPOINTS, "actions": 1_600},
        seeds=(36, 22, 37),
    ),
    Mutation(apply=checkpointing.snapshot_unacknowledged, shape={**_MANY_FAULTS, **_CHECKPOINTS}, seeds=(3, 4)),
    Mutation(apply=checkpointing.half_a_checkpoint_counts, shape={**_MANY_FAULTS, **_CHECKPOINTS}, seeds=(4, 5, 15)),
    Mutation(apply=recovering.position_off_by_one, shape=_MANY_FAULTS, seeds=(5, 7, 8)),
    Mutation(apply=reading.keep_state_after_gap, shape={**_TWO_OWNERS, **_CHECKPOINTS}, seeds=(1, 11, 12)),
    Mutation(
        apply=recovering.init_after_loading, shape={**_TWO_OWNERS, **_CHECKPOINTS, "actions": 1_600}, seeds=(6, 16)
    ),
    Mutation(
        apply=checkpointing.delete_before_commit,
        shape={
            **_MANY_FAULTS,
            "checkpoint_ms": 100,
            "checkpoint_events": 5,
            "delivery_fault_rate": 0.12,
            "actions": 1_600,
        },
        seeds=(6, 16, 32),
    ),
    Mutation(apply=recovering.progress_for_others, seeds=(2, 8, 16)),
    Mutation(apply=reading.timers_before_catching_up, seeds=(11, 10, 16)),
    Mutation(apply=deciding.forget_run_id, shape=_RESTARTS, seeds=(8, 4, 11)),
    Mutation(apply=deciding.report_before_acknowledged, shape=_DYING_WORKERS, seeds=(7, 11, 18)),
    Mutation(apply=deciding.failure_of_a_lost_worker_counts, shape=_CUT_OFF_WORKERS, seeds=(1, 2, 17)),
    Mutation(apply=waiting.forget_accepted_commands, shape=_WAITS, seeds=(0, 2, 3)),
    Mutation(apply=waiting.signals_overtake, shape=_WAITS, seeds=(0, 2, 3)),
    Mutation(apply=waiting.nobody_is_told, shape=_WAITS, seeds=(0, 2, 3)),
    Mutation(apply=dispatching.limits_are_not_heeded, seeds=(0, 3)),
    Mutation(apply=dispatching.permits_of_stopped_tasks_stay_out, seeds=(3, 4, 6)),
    Mutation(apply=dispatching.one_slot_comes_back, shape=_CROWDED, seeds=(1, 8, 13)),
    Mutation(apply=dispatching.handles_are_forgotten, shape={**_STOPPING_WORKERS, "actions": 5_000}, seeds=(1, 16, 30)),
    Mutation(apply=dispatching.what_is_handed_back_is_not_queued_again, shape=_STOPPING_WORKERS, seeds=(3, 16, 17)),
    Mutation(apply=dispatching.labels_are_not_heeded, shape=_CROWDED, seeds=(1, 7, 15)),
    Mutation(apply=dispatching.the_first_worker_is_taken, shape=_CROWDED, seeds=(0, 1, 2)),
    Mutation(
        apply=dispatching.priority_is_ignored,
        shape={**_CROWDED, "workers": 1, "slots": 1, "tasks": ["echo"], "graphs": 4},
        seeds=(4, 7, 9),
    ),
    Mutation(apply=going_on.signals_come_again, shape=_KEEPERS, seeds=(0,)),
    Mutation(apply=going_on.unread_signals_are_lost, shape=_KEEPERS, seeds=(0, 1, 2)),
    Mutation(apply=going_on.chance_begins_anew, shape=_KEEPERS, seeds=(0, 1, 2)),
    Mutation(apply=going_on.loops_go_on_beside_others, shape=_KEEPERS, seeds=(0, 1, 2)),
    Mutation(apply=going_on.compensations_leave_with_the_record, shape=_KEEPERS, seeds=(1, 6, 8)),
    Mutation(apply=going_on.what_is_done_is_undone_in_order, shape=_KEEPERS, seeds=(24,)),
    Mutation(apply=operating.another_input_is_no_other_step, shape=_OPERATORS, seeds=(0, 11)),
    Mutation(apply=operating.time_passes_for_paused_runs, shape=_OPERATORS, seeds=(2, 5)),
    Mutation(apply=scheduling.commands_come_again, shape={"schedules": 3}, seeds=(0, 2, 9)),
    Mutation(apply=scheduling.overlap_is_not_heeded, shape={"schedules": 3}, seeds=(0, 1, 2)),
    Mutation(apply=recovering.go_on_after_broken_evolve, shape={"trap": True}, seeds=(3, 1, 2)),
    Mutation(apply=recovering.break_whole_inputs, shape={"trap": True}, seeds=(2, 4, 18)),
    Mutation(apply=recovering.over_large_decision, shape=_WIDE, seeds=(20, 34, 24)),
    Mutation(apply=recovering.older_code_takes_over, shape={**_MANY_FAULTS, "upgrade": True}, seeds=(6, 11, 18)),
)
