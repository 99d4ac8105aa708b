"""Puts the decision service together: the shard runtime around `DecisionDecider`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import Event

from headrace.authoring.bundle_loading import load_bundle
from headrace.contracts import topics
from headrace.contracts.codec import Codec
from headrace.engine.activations import Activations
from headrace.engine.budget import BudgetPort
from headrace.engine.context import Context, Limits, Shards
from headrace.engine.decider import DecisionDecider
from headrace.engine.expressions.limits import Limits as ExpressionLimits
from headrace.engine.programs.graph.program import GraphProgram
from headrace.engine.programs.program import Definitions, Program
from headrace.engine.programs.python.limits import PythonLimits
from headrace.engine.programs.python.program import PythonProgram
from headrace.engine.tokens import Tokens
from headrace.payloads.sealing import Sealing
from headrace.runtime import health, shutdown, telemetry
from headrace.runtime.budget import Budget, BudgetLimits
from headrace.runtime.codecs import codec_for
from headrace.runtime.decision_settings import DecisionSettings
from headrace.runtime.payloads import sealing_for
from headrace.runtime.settings import Settings
from headrace.shard.ports import LogAway
from headrace.shard.roles import InputSpec, ShardRole
from headrace.shard.service import run_shards
from headrace.shard.topics import ensure_topics
from headrace_decision.definitions import FollowedDefinitions
from headrace_decision.secrets import callback_secrets
from headrace_decision.tracing import TracedDecider


def programs(limits: Limits, packages: frozenset[str] = frozenset()) -> dict[str, Program]:
    """Return the languages that workflows can be written in. Python code may use the `packages` of others."""
    notes = PythonLimits(
        payload_bytes=limits.payload_bytes,
        search_bytes=limits.search_bytes,
        search_names=limits.search_names,
        loop_steps=limits.loop_steps,
    )
    return {
        "graph": GraphProgram(ExpressionLimits(result_bytes=limits.payload_bytes)),
        "python": PythonProgram(partial(load_bundle, packages=packages), notes),
    }


def decision_role(
    shards: Shards,
    limits: Limits,
    definitions: Definitions,
    budget: BudgetPort,
    codec: Codec | None = None,
    *,
    packages: frozenset[str] = frozenset(),
    tokens: Tokens | None = None,
    sealing: Sealing | None = None,
) -> ShardRole:
    """Return what makes a shard a decision shard. Every shard has live coroutines of its own."""
    decider = TracedDecider if telemetry.tracing() else DecisionDecider

    def decider_for(shard: int) -> DecisionDecider:
        activations = Activations(
            definitions=definitions,
            programs=programs(limits, packages),
            budget=budget,
            limit=limits.live_coroutines,
            steps_at_once=limits.steps_at_once,
            tokens=tokens,
            sealing=sealing,
        )
        mine = Shards(shard=shard, decision=shards.decision, dispatcher=shards.dispatcher, resource=shards.resource)
        return decider(Context(shards=mine, limits=limits, activations=activations, codec=codec or Codec()))

    return ShardRole(
        name="decision",
        journal=topics.WORKFLOW_JOURNAL,
        inputs=(
            InputSpec(topics.WORKFLOW_COMMANDS, own_partition_only=True),
            InputSpec(topics.WORKFLOW_JOURNAL, own_partition_only=False, addressee_prefix="d", rare=True),
            InputSpec(topics.TASK_JOURNAL, own_partition_only=False, addressee_prefix="d", rare=True),
            InputSpec(topics.RESOURCE_JOURNAL, own_partition_only=False, addressee_prefix="d", rare=True),
        ),
        decider_for=decider_for,
    )


def limits_of(settings: Settings, tuned: DecisionSettings) -> Limits:
    """Return the limits of the engine: what a setting of the same name says, and what follows from those of all."""
    named = {name: getattr(tuned, name) for name in Limits.__struct_fields__ if name in tuned.__struct_fields__}
    return Limits(
        **named,
        payload_bytes=settings.payload_limit_bytes,
        decision_bytes=settings.record_limit_bytes // 4,
        cause_bytes=settings.cause_limit_bytes,
    )


def run(settings: Settings, ready: Callable[[], None] = health.ready, stop: Event | None = None) -> None:
    """Run the service until `stop`, by default until SIGTERM or SIGINT. Call it in the main thread: budgets need
    signals.
    """
    stopping = stop or shutdown.stop_event()
    try:
        namespace = ensure_topics(settings, stop=stopping)
    except LogAway:
        return  # told to stop while Kafka was away
    shards = Shards(
        decision=namespace.decision_shards,
        dispatcher=namespace.dispatcher_shards,
        resource=namespace.resource_shards,
    )
    tuned = DecisionSettings.load()
    limits = limits_of(settings, tuned)
    codec = codec_for(settings)
    budget_limits = BudgetLimits(
        cpu_ms=tuned.budget_cpu_ms,
        wall_ms=tuned.budget_wall_ms,
        hang_ms=tuned.budget_hang_ms,
        memory_mb=tuned.budget_memory_mb,
    )
    definitions = FollowedDefinitions(settings, codec)
    try:
        definitions.read_to_end()
        with Budget(budget_limits, watchdog=True) as budget:
            tokens = Tokens(*callback_secrets(tuned.callback_secret, namespace))
            role = decision_role(
                shards,
                limits,
                definitions,
                budget,
                codec,
                packages=tuned.packages,
                tokens=tokens,
                sealing=sealing_for(settings),
            )
            run_shards(settings, role, namespace, ready, stopping)
    finally:
        definitions.close()
