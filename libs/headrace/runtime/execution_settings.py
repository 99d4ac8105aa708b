"""What can be set about dispatching and working, each with its default and the reason for it.

Read from `HEADRACE_EXECUTION_<NAME>`: `HEADRACE_EXECUTION_WORKER_TIMEOUT_MS=15000 headrace service dispatcher`.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from headrace.runtime.settings_group import SettingsGroup


class ExecutionSettings(SettingsGroup, frozen=True, kw_only=True):
    """Settings of the dispatcher and the worker. Times in ms, sizes in bytes."""

    PREFIX: ClassVar[str] = "HEADRACE_EXECUTION_"

    worker_timeout_ms: Annotated[
        int,
        Meta(
            description="Silence after which a worker is lost: several missed reports, so a pause is no loss.", ge=500
        ),
    ] = 5_000
    worker_confirm_ms: Annotated[
        int,
        Meta(
            description="Last part of that time, begun anew by a dispatcher that was itself away: reports that wait "
            "are read before anybody is lost.",
            ge=50,
        ),
    ] = 500
    poison_losses: Annotated[
        int,
        Meta(description="Lost workers after which a task fails as poison; from one less on it runs alone.", ge=1),
    ] = 3
    remembered_ends: Annotated[
        int,
        Meta(description="Ended attempts that are remembered, so that one which is scheduled twice runs once.", ge=0),
    ] = 4_096
    labels: Annotated[
        str, Meta(description="What a worker has that tasks can require, separated by commas: `gpu=yes, zone=a`.")
    ] = ""
    queue_limits: Annotated[
        str,
        Meta(
            description="Limits of whole queues, for what they lead to: tasks at once, tasks that begin in a time, and "
            "tasks that wait: `mail: at_once=5 rate=100/1m; reports: backlog=1000 when_full=refuse`. Set it alike for "
            "every dispatcher."
        ),
    ] = ""
    canaries: Annotated[
        int,
        Meta(description="Canaries of one dispatcher shard: every one is in its state until it is taken back.", ge=0),
    ] = 1_000
    report_interval_ms: Annotated[
        int, Meta(description="How often a worker reports; a fifth of the time after which it is lost.", ge=50)
    ] = 1_000
    remembered_results_bytes: Annotated[
        int,
        Meta(
            description="Successes that a worker remembers: an attempt that comes to it again, after it was believed "
            "lost, is answered and not run again.",
            ge=0,
        ),
    ] = 4_194_304
    gauge_interval_ms: Annotated[
        int,
        Meta(
            description="How often a worker tells how it and its machine are; in the journal, so not in every report.",
            ge=100,
        ),
    ] = 10_000
    stop_grace_ms: Annotated[
        int, Meta(description="What a stopping worker gives its tasks to end; the rest is handed back.", ge=0)
    ] = 10_000
    cancel_grace_ms: Annotated[
        int,
        Meta(
            description="What a cancelled coroutine has to clean up before it is cancelled again, and a task in a "
            "process before that is killed; less than half a worker's time-out: a worker that leaves waits for it.",
            ge=50,
        ),
    ] = 2_000
    slots: Annotated[
        int,
        Meta(description="Tasks that a worker runs at once, per queue, unless told; most tasks wait for others.", ge=1),
    ] = 8
    queues: Annotated[
        str,
        Meta(
            description="More queues that a worker serves, separated by commas, besides those its apps name. "
            "`name=slots` gives a queue slots of its own: thousands, where its tasks only wait for work done outside."
        ),
    ] = ""
    pools: Annotated[
        str,
        Meta(
            description="Processes of the pools that tasks name, as `name=processes`, separated by commas; a pool that "
            "is not named here has as many as there are processors."
        ),
    ] = ""
    note_limit_bytes: Annotated[
        int,
        Meta(
            description="Largest details of a heartbeat, and handle of an async task: the dispatcher keeps them.",
            ge=64,
        ),
    ] = 4_096
    log_line_limit_bytes: Annotated[
        int, Meta(description="Longest line of a task's output; the rest of it is cut, with a mark.", ge=64)
    ] = 8_192
    log_limit_bytes: Annotated[
        int, Meta(description="Output that one attempt may ship; a loop that prints must not fill the log.", ge=256)
    ] = 262_144
    io_datasets: Annotated[
        int,
        Meta(
            description="Datasets that one attempt may tell apart with `record_io`; further ones are summed in one.",
            ge=1,
            le=1_000,
        ),
    ] = 100
    log_in_flight: Annotated[
        int, Meta(description="Lines under way while the log does not answer; beyond that they are dropped.", ge=1)
    ] = 10_000
