"""Puts the resource manager together: the shard runtime around `ResourceDecider`."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event

from headrace.contracts import topics
from headrace.runtime import health, shutdown, telemetry
from headrace.runtime.settings import Settings
from headrace.shard.ports import LogAway
from headrace.shard.roles import InputSpec, ShardRole
from headrace.shard.service import run_shards
from headrace.shard.topics import ensure_topics
from headrace_resources.decider import ResourceDecider
from headrace_resources.tracing import TracedDecider


def resource_role(shards: int) -> ShardRole:
    """Return what makes a shard a resource manager; `shards` is how many of them the namespace has."""
    decider = TracedDecider if telemetry.tracing() else ResourceDecider
    return ShardRole(
        name="resources",
        journal=topics.RESOURCE_JOURNAL,
        inputs=(
            InputSpec(topics.WORKFLOW_JOURNAL, own_partition_only=False, addressee_prefix="r", rare=True),
            InputSpec(topics.RESOURCE_COMMANDS, own_partition_only=True),
        ),
        decider_for=lambda shard: decider(shard, shards),
    )


def run(settings: Settings, ready: Callable[[], None] = health.ready, stop: Event | None = None) -> None:
    """Run the service until `stop`, by default until SIGTERM or SIGINT."""
    stopping = stop or shutdown.stop_event()
    try:
        namespace = ensure_topics(settings, stop=stopping)
    except LogAway:
        return  # told to stop while Kafka was away
    run_shards(settings, resource_role(namespace.resource_shards), namespace, ready, stopping)
