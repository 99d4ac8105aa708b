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
    live_coroutines: Annotated[
        int, Meta(description="Coroutines that a shard keeps live; others are rebuilt when something happens.", ge=1)
    ] = 10_000
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
