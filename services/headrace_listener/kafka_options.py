"""The options of this service's librdkafka clients, each with its reason; what the environment passes through wins.

What the whole project tunes for every client stands in `headrace.shard.kafka.options`; here is what group consumers
and the relay's transactions need besides.
"""

from __future__ import annotations

from typing import Any

from headrace.runtime.listener_settings import ListenerSettings
from headrace.runtime.settings import Settings
from headrace.shard.kafka.options import admin_options, writer_options


def reader_options(settings: Settings, group: str, *, discover: bool = False) -> dict[str, Any]:
    """Return the options of a consumer in a group that reads what transactions have committed.

    With `discover`, a topic that is made later is found soon.
    """
    session_ms = settings.session_timeout_ms
    return {
        **admin_options(settings),
        # When nothing comes, the broker answers twice a second; when something comes, at once.
        "fetch.wait.max.ms": 500,
        "fetch.error.backoff.ms": 200,
        # Listeners take records one by one; the defaults (100,000 records, 64 MiB) would be most of the service's
        # memory.
        "queued.min.messages": 500,
        "queued.max.messages.kbytes": 4_096,
        "fetch.message.max.bytes": 1_048_576,
        # A topic that was missing is looked for again; the default of five minutes is longer than anybody waits.
        **({"topic.metadata.refresh.interval.ms": 5_000} if discover else {}),
        "client.id": group,
        "group.id": group,
        "isolation.level": "read_committed",
        # Where to begin is decided here, for each partition, and committed at once; never by a silent default.
        "auto.offset.reset": "error",
        # Tells where the end is even where the last records are markers of transactions, which are never delivered.
        "enable.partition.eof": True,
        "allow.auto.create.topics": False,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": session_ms,
        "heartbeat.interval.ms": max(session_ms // 6, 100),
        # It polls while its function runs, so this is only reached when the process hangs.
        "max.poll.interval.ms": max(60_000, session_ms),
    }


def producer_options(settings: Settings, name: str) -> dict[str, Any]:
    """Return the options of the producer of all but the relay: idempotent, and it never gives up."""
    return {**writer_options(settings, name), "compression.type": "lz4"}


def transaction_options(settings: Settings, limits: ListenerSettings) -> dict[str, Any]:
    """Return the options of the relay's producer."""
    return {
        **writer_options(settings, f"{settings.namespace}.relay"),
        "transactional.id": f"{settings.namespace}.relay",
        "transaction.timeout.ms": limits.transaction_timeout_ms,
        # In a transaction a record may be given up: the transaction is aborted then, and begun anew.
        "message.timeout.ms": limits.transaction_timeout_ms,
        # librdkafka waits this long between the steps of a transaction that the broker is not ready for: 100 ms each by
        # default.
        "retry.backoff.ms": 1,
        "retry.backoff.max.ms": 200,
        "compression.type": "lz4",
        # Where `contracts.partition` would put a key, computed in C.
        "partitioner": "murmur2",
        "linger.ms": 5,
        "queue.buffering.max.kbytes": 65_536,
    }
