"""The limits of the status service, each with its reason."""

from __future__ import annotations

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What the service does at most. Times in ms, sizes in bytes."""

    batch_records: int = 500
    """Records in one transaction: enough to share its cost, few enough that a reader waits only milliseconds for a row."""
    poll_wait_ms: int = 200
    """Longest wait for records: bounds how late a signal is noticed."""
    retry_ms: int = 500
    """Pause before asking again a Postgres or a Kafka that did not answer."""
    standby_ms: int = 1_000
    """How often a second projector looks whether the first one is gone."""
    topic_check_ms: int = 30_000
    """How often the topics' ids are compared: a client does not notice a topic that was made anew."""
    logs_kept_ms: int = 7 * 86_400_000
    """Age of log lines that are removed: as long as the logs topic keeps them."""
    purge_ms: int = 3_600_000
    """How often old log lines are removed."""
    page_items: int = 50
    """Items of a list where nobody asks for a number."""
    page_items_max: int = 1_000
    """Items of a list at most: what a browser shows and a query returns within a second."""
    list_payload_bytes: int = 16_384
    """A larger payload is left out of lists, with a mark: a page of fifty could be a hundred megabytes otherwise."""
    wait_max_ms: int = 300_000
    """Longest wait of one request; proxies give up at about this time."""
    after_default_ms: int = 10_000
    """How long `?after=` waits where nobody says."""
    reader_connections: int = 8
    """Connections of the read API: queries take milliseconds, and a waiting request holds none."""
    query_ms: int = 20_000
    """Longest query; a filter over everything must not hold a connection for ever."""
    connection_wait_ms: int = 10_000
    """How long a request waits for a free connection before it is told that the API is busy."""
    cached_definitions: int = 500
    """Definitions whose node names are kept in memory; a list of workflows needs them at every refresh."""
