"""Puts the dispatcher together: the shard runtime around `DispatcherDecider`."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event

from headrace.contracts import topics
from headrace.runtime import health, shutdown, telemetry
from headrace.runtime.execution_settings import ExecutionSettings
from headrace.runtime.settings import Settings
from headrace.shard.ports import LogAway
from headrace.shard.roles import InputSpec, ShardRole
from headrace.shard.service import run_shards
from headrace.shard.topics import ensure_topics
from headrace_execution.dispatcher.decider import DispatcherDecider
from headrace_execution.dispatcher.queue_limits import parse_queue_limits
from headrace_execution.dispatcher.round import DispatchLimits
from headrace_execution.dispatcher.tracing import TracedDecider


def dispatcher_role(shards: int, execution: ExecutionSettings | None = None, *, decision_shards: int = 1) -> ShardRole:
    """Return what makes a shard a dispatcher; `shards` is how many of them the namespace has."""
    limits = limits_of(execution or ExecutionSettings())
    decider = TracedDecider if telemetry.tracing() else DispatcherDecider
    return ShardRole(
        name="dispatcher",
        journal=topics.TASK_JOURNAL,
        inputs=(
            InputSpec(topics.WORKFLOW_JOURNAL, own_partition_only=False, addressee_prefix="x"),
            InputSpec(topics.WORKER_REPORTS, own_partition_only=True),
        ),
        decider_for=lambda shard: decider(shard, shards, limits, decision_shards=decision_shards),
    )


def limits_of(execution: ExecutionSettings) -> DispatchLimits:
    """Return the limits that follow from the settings.

    Raises:
        InvalidSettings: the limits of queues do not fit.
    """
    return DispatchLimits(
        worker_timeout_ms=execution.worker_timeout_ms,
        worker_confirm_ms=min(execution.worker_confirm_ms, execution.worker_timeout_ms // 2),
        poison_losses=execution.poison_losses,
        remembered_ends=execution.remembered_ends,
        canaries=execution.canaries,
        queues=parse_queue_limits(execution.queue_limits),
    )


def run(settings: Settings, ready: Callable[[], None] = health.ready, stop: Event | None = None) -> None:
    """Run the service until `stop`, by default until SIGTERM or SIGINT."""
    stopping = stop or shutdown.stop_event()
    try:
        namespace = ensure_topics(settings, stop=stopping)
    except LogAway:
        return  # told to stop while Kafka was away
    role = dispatcher_role(
        namespace.dispatcher_shards, ExecutionSettings.load(), decision_shards=namespace.decision_shards
    )
    run_shards(settings, role, namespace, ready, stopping)
