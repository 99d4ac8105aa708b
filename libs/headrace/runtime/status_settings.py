"""What can be set about the status query service, each with its default and the reason for it.

Read from `HEADRACE_STATUS_<NAME>`: `HEADRACE_STATUS_LOGS_KEPT_MS=86400000 headrace service status`.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from headrace.runtime.settings_group import SettingsGroup


class StatusSettings(SettingsGroup, frozen=True, kw_only=True):
    """Settings of the projection and the read API. Times in ms, sizes in bytes."""

    PREFIX: ClassVar[str] = "HEADRACE_STATUS_"

    batch_records: Annotated[
        int,
        Meta(
            description="Records in one transaction at most: what a projection that is behind takes at a time, some "
            "200 ms of work.",
            ge=1,
        ),
    ] = 4_000
    batch_pause_ms: Annotated[
        int,
        Meta(
            description="From the begin of one transaction to the next at least, while nobody waits for the rows: a "
            "row that changes often is written once, and the cost per record falls with the load. The page shows "
            "what happened within three tenths of a second.",
            ge=0,
        ),
    ] = 150
    hurried_pause_ms: Annotated[
        int,
        Meta(description="The same while a request waits (`?after=`, `?wait=`): hardly a delay for it.", ge=0),
    ] = 10
    collect_ms: Annotated[
        int,
        Meta(
            description="How long the broker may collect records before it hands them out: what a request that waits "
            "pays at most, and what bounds the fetches of a busy namespace.",
            ge=1,
        ),
    ] = 40
    poll_wait_ms: Annotated[
        int, Meta(description="Longest wait for records: bounds how late a signal is noticed.", ge=1)
    ] = 200
    retry_ms: Annotated[
        int, Meta(description="Pause before asking again a Postgres or a Kafka that did not answer.", ge=10)
    ] = 500
    standby_ms: Annotated[
        int, Meta(description="How often a second projector looks whether the first one is gone.", ge=10)
    ] = 1_000
    topic_check_ms: Annotated[
        int,
        Meta(
            description="How often the topics' ids are compared: a client does not notice a topic that was made anew.",
            ge=1_000,
        ),
    ] = 30_000
    skip_deleted: Annotated[
        bool,
        Meta(
            description="Go on without journal records that were deleted before they were projected: for a read model "
            "that is built anew, or was away for too long. What they told is missing, so it is an operator's choice.",
        ),
    ] = False
    closed_kept_ms: Annotated[
        int,
        Meta(
            description="Age, since their end, of closed workflows that are removed with their tasks and history, and "
            "of what runs did that have continued as others; 0 keeps them for ever, since nobody should lose what he "
            "did not choose to lose.",
            ge=0,
        ),
    ] = 0
    removed_at_once: Annotated[
        int,
        Meta(
            description="Closed workflows removed in one transaction, between two batches: some tens of milliseconds "
            "of work, and more a second than end.",
            ge=1,
        ),
    ] = 500
    logs_kept_ms: Annotated[
        int,
        Meta(
            description="Age of log lines that are removed, a whole day at a time: as long as the logs topic keeps "
            "them. Each day is a partition, and a query about a workflow looks into all of them.",
            ge=60_000,
        ),
    ] = 604_800_000
    io_kept_ms: Annotated[
        int,
        Meta(
            description="Age of what tasks said they read and wrote (`record_io`) that is removed: a year, since "
            "the trend over runs is worth more than their workflows; some are a few rows each.",
            ge=60_000,
        ),
    ] = 31_536_000_000
    purge_ms: Annotated[
        int, Meta(description="How often old log lines, old accounts and closed workflows are looked for.", ge=1_000)
    ] = 3_600_000
    page_items: Annotated[int, Meta(description="Items of a list where nobody asks for a number.", ge=1)] = 50
    page_items_max: Annotated[
        int,
        Meta(description="Items of a list at most: what a browser shows and a query returns within a second.", ge=1),
    ] = 1_000
    list_payload_bytes: Annotated[
        int,
        Meta(
            description="A larger payload is left out of lists, with a mark: a page of fifty could be a hundred "
            "megabytes otherwise.",
            ge=0,
        ),
    ] = 16_384
    wait_max_ms: Annotated[
        int, Meta(description="Longest wait of one request; proxies give up at about this time.", ge=0)
    ] = 300_000
    after_default_ms: Annotated[int, Meta(description="How long `?after=` waits where nobody says.", ge=0)] = 10_000
    reader_connections: Annotated[
        int,
        Meta(
            description="Connections of the read API: queries take milliseconds, and a waiting request holds none.",
            ge=1,
        ),
    ] = 8
    query_ms: Annotated[
        int,
        Meta(description="Longest query; a filter over everything must not hold a connection for ever.", ge=100),
    ] = 20_000
    connection_wait_ms: Annotated[
        int,
        Meta(
            description="How long a request waits for a free connection before it is told that the API is busy.",
            ge=1,
        ),
    ] = 10_000
    cached_definitions: Annotated[
        int,
        Meta(
            description="Definitions whose node names are kept in memory; a list of workflows needs them at every "
            "refresh.",
            ge=1,
        ),
    ] = 500
