"""What can be set about the event listener, each with its default and the reason for it.

Read from `HEADRACE_LISTENER_<NAME>`: `HEADRACE_LISTENER_TRANSACTION_PAUSE_MS=20 headrace service listener`.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from headrace.runtime.settings_group import SettingsGroup


class ListenerSettings(SettingsGroup, frozen=True, kw_only=True):
    """Settings of the relay, the listeners and the triggers. Times in ms, sizes in bytes."""

    PREFIX: ClassVar[str] = "HEADRACE_LISTENER_"

    transaction_pause_ms: Annotated[
        int,
        Meta(
            description="From the begin of one relay transaction to the next. Each costs the broker some ten small "
            "writes with an fsync; seven a second are no load, and nobody's hot path runs over public topics.",
            ge=0,
        ),
    ] = 150
    collect_ms: Annotated[
        int,
        Meta(
            description="How long the broker may collect journal records before the relay gets them: bounds its "
            "fetches.",
            ge=1,
        ),
    ] = 50
    transaction_events: Annotated[
        int, Meta(description="Events of one transaction: some 100 ms of work, so that an abort repeats little.", ge=1)
    ] = 4_000
    transaction_bytes: Annotated[
        int, Meta(description="Bytes of one transaction: what an abort may hold in memory.", ge=1)
    ] = 16_777_216
    transaction_timeout_ms: Annotated[
        int,
        Meta(
            description="The broker ends the transaction of a relay that died after this; until then read-committed "
            "consumers wait for it, unless another relay begins.",
            ge=1_000,
        ),
    ] = 60_000
    poll_records: Annotated[
        int, Meta(description="Journal records that the relay reads at a time: what a transaction holds.", ge=1)
    ] = 4_000
    partition_queue: Annotated[
        int,
        Meta(
            description="Records of one journal partition that may wait for what they followed from; beyond it, that "
            "partition is not read on.",
            ge=1,
        ),
    ] = 8_000
    partition_queue_bytes: Annotated[int, Meta(description="The same in bytes: bounds memory.", ge=1)] = 16_777_216
    position_pause_ms: Annotated[
        int,
        Meta(
            description="How often the relay's positions are written while journals move but nothing of them is "
            "public: bounds what a restart reads again.",
            ge=0,
        ),
    ] = 30_000
    idle_wait_ms: Annotated[
        int,
        Meta(description="Longest wait for something to do: bounds how late a signal is noticed.", ge=10),
    ] = 500
    retry_pause_ms: Annotated[
        int, Meta(description="Pause before the relay begins again after a failed transaction.", ge=10)
    ] = 1_000
    topic_check_ms: Annotated[
        int, Meta(description="How often the journals' topic ids are compared with the recorded ones.", ge=100)
    ] = 30_000
    batch_records: Annotated[
        int, Meta(description="Records that a listener or trigger takes at a time: they are in memory.", ge=1)
    ] = 200
    commit_pause_ms: Annotated[
        int,
        Meta(
            description="How often a listener's position is committed while events come: what a crash delivers again.",
            ge=0,
        ),
    ] = 500
    poll_while_busy_ms: Annotated[
        int,
        Meta(
            description="How often a listener takes part in its group while its function runs, so that a slow one is "
            "not taken for dead.",
            ge=10,
        ),
    ] = 1_000
    state_pause_ms: Annotated[
        int, Meta(description="How often the state of a listener is written at most: people read it.", ge=10)
    ] = 2_000
    stop_ms: Annotated[
        int, Meta(description="How long a stopping service waits for calls that are under way.", ge=0)
    ] = 10_000
    reason_limit_bytes: Annotated[
        int,
        Meta(description="Longest reason in the headers of a dead letter; a traceback fits, a dump does not.", ge=64),
    ] = 8_192
    io_runs: Annotated[
        int,
        Meta(
            description="Runs of a definition that a run's input and output is compared with: the last ones, since "
            "what is usual changes.",
            ge=2,
            le=1_000,
        ),
    ] = 20
    io_runs_needed: Annotated[
        int, Meta(description="Runs before which nothing is called unusual: fewer do not tell.", ge=2, le=1_000)
    ] = 5
    io_deviations: Annotated[int, Meta(description="Standard deviations from the mean that are usual.", ge=1)] = 4
    io_margin_percent: Annotated[
        int,
        Meta(
            description="Share of the mean that is usual in any case: runs that were all alike have no deviation.", ge=0
        ),
    ] = 25
    io_sums: Annotated[
        int, Meta(description="Nodes and datasets of a run that are watched; further ones are not.", ge=1)
    ] = 200
    io_open_runs: Annotated[
        int,
        Meta(
            description="Open runs whose input and output is summed; beyond it the one that was silent longest is "
            "forgotten, and not compared. They are in memory.",
            ge=1,
        ),
    ] = 10_000
    io_ranges: Annotated[
        int,
        Meta(
            description="Nodes and datasets of definitions of which the usual range is known; beyond it the one that "
            "was not run for longest is forgotten. They are in memory.",
            ge=1,
        ),
    ] = 10_000
