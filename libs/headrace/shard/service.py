"""A process that runs shards on Kafka: one thread, one loop."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from headrace.contracts.definitions import NamespaceSettings
from headrace.runtime.codecs import codec_for
from headrace.runtime.settings import Settings
from headrace.shard.clock import SystemClock
from headrace.shard.errors import ShardDeclined
from headrace.shard.host import ShardHost
from headrace.shard.kafka import KafkaLog, KafkaMembership
from headrace.shard.limits import Limits
from headrace.shard.metrics_export import MetricsExport
from headrace.shard.ports import PositionLost
from headrace.shard.roles import ShardRole
from headrace.shard.watchdog import Watchdog

_log = logging.getLogger("headrace.shard")


def run_shards(
    settings: Settings,
    role: ShardRole,
    namespace: NamespaceSettings,
    ready: Callable[[], None],
    stop: threading.Event,
) -> None:
    """Run every shard of a role that the group gives to this process, until `stop` is set. Runs in the calling thread.

    `namespace` is what `ensure_topics` has returned. `ready` is called once, when the shards of the first assignment
    have caught up. Kafka away means waiting.

    Raises:
        ShardDeclined: this process must not run one of the shards (its code is too old, its clock is wrong).
        PositionLost: a topic was deleted, made anew or shortened.
    """
    log = KafkaLog(settings)
    membership = KafkaMembership(settings, role, log.availability)
    limits = Limits.of(settings)
    clock = SystemClock()
    codec = codec_for(settings)
    host = ShardHost(role, log, membership, clock, codec=codec, limits=limits, topic_ids=namespace.topic_ids)
    export = MetricsExport(role.name, clock)
    try:
        with Watchdog(role.name, limits.watchdog_ms) as watchdog:
            _loop(host, ready, stop, watchdog, export)
            host.retire()
    except (PositionLost, ShardDeclined) as error:
        _log.critical("%s stops: %s", role.name, error)
        raise
    finally:
        membership.close()
        log.close()


def _loop(
    host: ShardHost, ready: Callable[[], None], stop: threading.Event, watchdog: Watchdog, export: MetricsExport
) -> None:
    told = False
    while not stop.is_set():
        watchdog.alive()
        host.step(wait=True)
        export.export(host)
        if not told and host.ready():
            told = True
            ready()
