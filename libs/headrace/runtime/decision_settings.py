"""What can be set about the decision service, each with its default and the reason for it.

Read from `HEADRACE_DECISION_<NAME>`: `HEADRACE_DECISION_CHILD_DEPTH=8 headrace service decision`.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from headrace.runtime.settings_group import SettingsGroup


class DecisionSettings(SettingsGroup, frozen=True, kw_only=True):
    """Limits of the engine and the budget of user code. Times in ms."""

    PREFIX: ClassVar[str] = "HEADRACE_DECISION_"

    child_depth: Annotated[
        int, Meta(description="Parents above a workflow: one that starts itself for ever ends here.", ge=1)
    ] = 32
    timers_per_tick: Annotated[
        int, Meta(description="Timers that one record takes: a thousand due at once must not hold up commands.", ge=1)
    ] = 256
    held_per_run: Annotated[
        int, Meta(description="Inputs that wait with a stuck workflow; senders beyond that have long repeated.", ge=1)
    ] = 10_000
    cleanup_ms: Annotated[
        int,
        Meta(
            description="How long a workflow may clean up after its time limit; then it is terminated, so that a limit "
            "is one. A day, since a clean-up may wait for people; 0: for ever.",
            ge=0,
        ),
    ] = 86_400_000
    stuck_check_ms: Annotated[
        int,
        Meta(
            description="How often it is looked whether a stuck workflow has a newer version that goes on with its "
            "record: a fix takes minutes to make. 0: never.",
            ge=0,
        ),
    ] = 5_000
    allowed_packages: Annotated[
        str,
        Meta(
            description="Packages of others that workflow code may import, separated by commas: `pydantic, msgspec`. "
            "Only what computes and does nothing else. Installed beside the decision service; `headrace deploy` goes "
            "by the same variable."
        ),
    ] = ""
    replay_at_once: Annotated[
        int,
        Meta(
            description="Recorded steps that are replayed at once, some 30 ms: a longer workflow is rebuilt in slices, "
            "and others of the shard are decided between them.",
            ge=1,
        ),
    ] = 5_000
    steps_at_once: Annotated[
        int,
        Meta(
            description="Steps that one activation may ask for, as a `map` over a long list does: while they are "
            "recorded, other workflows of the shard wait. Beyond that it is taken for a loop without end.",
            ge=1_024,
        ),
    ] = 250_000
    loop_steps: Annotated[
        int,
        Meta(
            description="Steps that the iterations of a ctx.loop record before it goes on with its state alone: few "
            "enough to be replayed in some ms, many enough that going on costs little.",
            ge=1,
        ),
    ] = 200
    search_bytes: Annotated[
        int,
        Meta(description="What one ctx.search may set: each value stands in an index of the read model.", ge=64),
    ] = 16_384
    search_names: Annotated[
        int, Meta(description="Attributes that one workflow may set: they are for lists, not for results.", ge=1)
    ] = 64
    retry_keep_ms: Annotated[
        int,
        Meta(
            description="How long the record of a failed workflow is kept for a retry: a week, since somebody has to "
            "find out why it failed.",
            ge=60_000,
        ),
    ] = 604_800_000
    retry_limit: Annotated[
        int, Meta(description="Failed workflows that a shard keeps for a retry; those that failed last.", ge=1)
    ] = 10_000
    retry_bytes: Annotated[
        int,
        Meta(
            description="What their records may take on a shard, in memory and in a snapshot. One that is larger than "
            "this cannot be retried.",
            ge=1_048_576,
        ),
    ] = 67_108_864
    live_coroutines: Annotated[
        int,
        Meta(
            description="Coroutines that a shard keeps live, 8 KB or more each; others are rebuilt from the record "
            "when needed. More than are at work at a time: with fewer, each step would replay its workflow.",
            ge=64,
        ),
    ] = 2_000
    live_runs: Annotated[
        int,
        Meta(
            description="Workflows that a shard keeps unpacked, 1 KB and more each; the others are bytes, some 0.4 KB.",
            ge=64,
        ),
    ] = 1_000
    closed_keep_ms: Annotated[
        int,
        Meta(
            description="How long the id of a workflow that has ended is remembered, so that a repeated start is "
            "recognized: a day, since whoever repeats a start does so within one.",
            ge=60_000,
        ),
    ] = 86_400_000
    closed_limit: Annotated[
        int,
        Meta(
            description="Ids of ended workflows that a shard remembers at most, 40 bytes each. A start that waited "
            "while more ended is refused, since it may have run: this is more than a backlog has.",
            ge=1_000,
        ),
    ] = 500_000
    previous_limit: Annotated[
        int,
        Meta(
            description="Series of which a shard remembers the last result (`previous`); each shard keeps all of them.",
            ge=1,
        ),
    ] = 10_000
    previous_bytes: Annotated[
        int,
        Meta(description="What those results may take on a shard: results that large belong elsewhere.", ge=1_048_576),
    ] = 67_108_864
    schedules: Annotated[
        int, Meta(description="Schedules of a shard, each some 1 KB and its input, in memory all the time.", ge=1)
    ] = 10_000
    schedule_input_bytes: Annotated[
        int,
        Meta(
            description="Input of a schedule: the shard keeps it, and every start carries it; larger ones elsewhere.",
            ge=2,
        ),
    ] = 65_536
    schedule_running: Annotated[
        int,
        Meta(
            description="Workflows of one schedule that run at once, with overlap: allow. A schedule whose workflows "
            "never end must not fill its shard.",
            ge=1,
        ),
    ] = 1_000
    schedule_waiting: Annotated[
        int, Meta(description="Starts of one schedule that wait, with overlap: queue; others are passed over.", ge=1)
    ] = 1_000
    schedule_backfills: Annotated[
        int, Meta(description="Backfills of one schedule that are under way; they are done one after the other.", ge=1)
    ] = 10
    schedule_backfill_times: Annotated[
        int, Meta(description="Times in one backfill: they are counted at once, at 20 microseconds each.", ge=1)
    ] = 2_000
    schedule_commands: Annotated[
        int,
        Meta(
            description="Commands to schedules that a shard remembers, 16 bytes each, so that one that comes again "
            "changes nothing: people send few.",
            ge=64,
        ),
    ] = 4_096
    outcomes_keep_ms: Annotated[
        int,
        Meta(
            description="How long the result of a workflow that has ended is kept for workflows that attach to it, and "
            "with it which signals it has accepted: a day, as its id.",
            ge=60_000,
        ),
    ] = 86_400_000
    outcomes_limit: Annotated[
        int,
        Meta(description="Results that a shard keeps at most: the newest, which is what others wait for.", ge=1),
    ] = 10_000
    outcomes_bytes: Annotated[
        int,
        Meta(description="What they may take on a shard: results that large belong elsewhere.", ge=1_048_576),
    ] = 33_554_432
    unread_signals: Annotated[
        int,
        Meta(
            description="Signals that a workflow has not asked for: beyond that they are refused, since it does not "
            "keep up.",
            ge=1,
        ),
    ] = 1_000
    seen_per_run: Annotated[
        int,
        Meta(
            description="Signals and callbacks that a workflow remembers to have accepted, 8 bytes each: a producer "
            "repeats what it sent last, not what it sent a thousand signals ago.",
            ge=1,
        ),
    ] = 1_000
    watchers_per_run: Annotated[
        int,
        Meta(description="Workflows that wait for the end of one: each is told by an event of its own.", ge=1),
    ] = 1_000
    callback_secret: Annotated[
        str,
        Meta(
            description="What tokens of callbacks are signed with. Empty: the ids of the namespace's topics, which "
            "nobody knows who cannot reach Kafka. Several, with commas: the first signs, all are accepted. The same "
            "for all decision processes."
        ),
    ] = ""
    budget_cpu_ms: Annotated[
        int, Meta(description="CPU time of one activation: a thousand times what a real one needs.", ge=100)
    ] = 1_000
    budget_wall_ms: Annotated[
        int,
        Meta(description="Time in calls that use no CPU: workflow code must not wait, so it is generous.", ge=1_000),
    ] = 10_000
    budget_hang_ms: Annotated[
        int, Meta(description="Time after which the process is ended, since nothing else helped.", ge=2_000)
    ] = 30_000
    budget_memory_mb: Annotated[
        int, Meta(description="Growth of the process's memory in one activation, in MiB.", ge=16)
    ] = 512

    @property
    def packages(self) -> frozenset[str]:
        """The names of the packages that workflow code may import."""
        return frozenset(name.strip() for name in self.allowed_packages.split(",") if name.strip())
