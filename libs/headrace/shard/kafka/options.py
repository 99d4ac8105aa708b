"""The options of every librdkafka client, each with its reason.

What the environment passes through (`HEADRACE_KAFKA_CONFIG_*`) wins over what is tuned here, but not over the laws:
options on which the protocol's safety rests.
"""

from __future__ import annotations

from typing import Any

from headrace.runtime.settings import Settings

_EVERY_CLIENT: dict[str, Any] = {
    # Errors come through a callback, and are said once; librdkafka would print every attempt to connect.
    "log_level": 2,
    "log.connection.close": False,
    # A broker that comes back is found within a second, not ten.
    "reconnect.backoff.max.ms": 1000,
    "retry.backoff.ms": 20,
    "retry.backoff.max.ms": 500,
    # Nobody asked for the broker to collect the clients' metrics.
    "enable.metrics.push": False,
}
_CONSUMER: dict[str, Any] = {
    # A broker answers at once when there is something; this is how long it waits when there is nothing. It also bounds
    # how late a partition that is newly assigned is asked for, since one request per broker is under way at a time.
    "fetch.wait.max.ms": 100,
    "fetch.min.bytes": 1,
    "fetch.error.backoff.ms": 100,
    # What was fetched is taken before more is asked for, and then soon: so it is the reader's own pace (`Pace`) that
    # decides how much a fetch brings. Fetching ahead would cost a request and a wake-up for every single record.
    "queued.min.messages": 1,
    "fetch.queue.backoff.ms": 1,
    "queued.max.messages.kbytes": 8192,
    # Large enough for the largest record.
    "fetch.message.max.bytes": 1_048_576,
    "receive.message.max.bytes": 104_857_600,
}
# For readers that nobody's hot path waits for: the broker collects for a while, so that records come by the thousand,
# and what was fetched lies ready until the reader looks, however late that is.
_COLLECTING: dict[str, Any] = {
    "fetch.min.bytes": 1_048_576,
    "queued.min.messages": 50_000,
    "queued.max.messages.kbytes": 16_384,
    "fetch.queue.backoff.ms": 20,
}
_CONSUMER_LAWS: dict[str, Any] = {
    # A position that is gone must stop the reader, not move it.
    "auto.offset.reset": "error",
    "allow.auto.create.topics": False,
    # Positions live with the state that they describe, never in the group.
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    # Journals hold no transactions; commands are taken at least once, and waiting for somebody's transaction would
    # stall the shard.
    "isolation.level": "read_uncommitted",
    # Tells where the end is even where the last records are markers of transactions, which are never delivered.
    "enable.partition.eof": True,
}
_PRODUCER: dict[str, Any] = {
    # A record goes out at once. Any more than 0 waits for librdkafka's timer, which wakes every millisecond: with 0.1 a
    # hop takes 2.0 ms, with 0 it takes 0.8. But while as many requests are in flight as may be (five), its thread
    # spins: so a shard has at most four appends in flight, and a worker sends in bursts.
    "linger.ms": 0,
    "message.max.bytes": 8_388_608,
    "socket.nagle.disable": True,
}
_PRODUCER_LAWS: dict[str, Any] = {
    "enable.idempotence": True,
    "acks": "all",
    # Never give up on a record: a time-out would leave a hole among pipelined ones. Kafka away means waiting.
    "message.timeout.ms": 0,
}
_SNAPSHOT: dict[str, Any] = {
    # A transaction's steps wait for one another by being refused and tried again; at the default of 100 ms each of them
    # would take that long.
    "retry.backoff.ms": 2,
    # Off the hot path: larger batches cost less.
    "linger.ms": 5,
    "message.max.bytes": 8_388_608,
    # A checkpoint takes milliseconds to seconds. After this the broker ends it by itself, and the reign is abandoned.
    "transaction.timeout.ms": 60_000,
}
_LOOK_UP: dict[str, Any] = {
    # One record is wanted, not what follows it.
    "queued.min.messages": 1,
    "fetch.message.max.bytes": 65_536,
}


def reader_options(
    settings: Settings, name: str, *, collect_ms: int = 0, committed: bool = False, rest_ms: int = 0
) -> dict[str, Any]:
    """Return the options of a consumer that is assigned its partitions; `name` is for people and quotas.

    With `collect_ms` the broker may hold records back for so long, to hand out many at a time; with `committed` it
    hands out nothing of a transaction that was not committed; with `rest_ms` the reader looks only so often.
    """
    collecting = {**_COLLECTING, "fetch.wait.max.ms": collect_ms} if collect_ms else {}
    # While what was fetched lies there, librdkafka looks this often whether it was taken. At 1 ms that is a thread that
    # never sleeps where the reader rests; as it is, what is new is asked for half a rest later at most.
    resting = {"fetch.queue.backoff.ms": max(rest_ms // 2, 1)} if rest_ms else {}
    tuned = {**_EVERY_CLIENT, **_CONSUMER, **collecting, **resting}
    isolation = {"isolation.level": "read_committed"} if committed else {}
    return _join(settings, tuned, {**_CONSUMER_LAWS, **isolation, **_named(settings, name)})


def look_up_options(settings: Settings, name: str) -> dict[str, Any]:
    """Return the options of a consumer that fetches single records."""
    tuned = {**_EVERY_CLIENT, **_CONSUMER, **_LOOK_UP}
    return _join(settings, tuned, {**_CONSUMER_LAWS, **_named(settings, name)})


def writer_options(settings: Settings, name: str) -> dict[str, Any]:
    """Return the options of a journal's producer."""
    return _join(settings, {**_EVERY_CLIENT, **_PRODUCER}, {**_PRODUCER_LAWS, "client.id": name})


def snapshot_options(settings: Settings, name: str, transactional_id: str) -> dict[str, Any]:
    """Return the options of a shard's snapshot producer; whoever takes the transactional id shuts the others out."""
    return _join(
        settings,
        {**_EVERY_CLIENT, **_SNAPSHOT},
        {"enable.idempotence": True, "acks": "all", "transactional.id": transactional_id, "client.id": name},
    )


def admin_options(settings: Settings) -> dict[str, Any]:
    """Return the options of an admin client."""
    return _join(settings, _EVERY_CLIENT, {})


def member_options(settings: Settings, group: str) -> dict[str, Any]:
    """Return the options of a group member, which reads nothing."""
    session_ms = settings.session_timeout_ms
    laws = {
        "group.id": f"{settings.namespace}.{group}",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "allow.auto.create.topics": False,
        # It never reads, so where it would begin does not matter; `error` would only make it complain.
        "auto.offset.reset": "latest",
        # Shards that stay where they are go on during a rebalance.
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": session_ms,
        # Members learn of a rebalance by the answer to a heartbeat, and moving a shard takes two rounds of that: it is
        # most of the time for which a shard that moves stands still.
        "heartbeat.interval.ms": min(max(session_ms // 6, 100), 200),
        # A process whose loop stands still for so long gives its shards to others.
        "max.poll.interval.ms": max(60_000, session_ms),
    }
    return _join(settings, _EVERY_CLIENT, laws)


def _named(settings: Settings, name: str) -> dict[str, Any]:
    # A consumer needs a group id even where it is never a member of a group.
    return {"client.id": name, "group.id": f"{settings.namespace}.reader"}


def _join(settings: Settings, tuned: dict[str, Any], laws: dict[str, Any]) -> dict[str, Any]:
    return {**tuned, **settings.client_config(), **laws}
