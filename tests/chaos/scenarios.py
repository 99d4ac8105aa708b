"""What is done to which stack: the scenarios of `make chaos`, and the short one of `make test`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos.acts import (
    Act,
    add_process,
    freeze,
    freeze_owner,
    kill,
    kill_leader,
    remove_process,
    upgrade,
)
from tests.chaos.load import Load
from tests.chaos.run import Run
from tests.chaos.stack import Shape, running_stack


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A stack, a load, and what is done one after the other.

    Attributes:
        acts: each begins when the stack has recovered from the one before.
        shape: of the stack.
        rate: workflows that are started a second; Kafka, the services and the watcher share the machine.
        per_shard: workflows that are open at once on each decision shard.
        count: workflows that are started at least; the load goes on until the acts are over.
    """

    acts: Sequence[Act]
    shape: Shape = field(default_factory=Shape)
    rate: float = 100
    per_shard: int = 25
    count: int = 3_000


_SERVICES = ("decision", "dispatcher", "worker-1", "resources", "listener", "status")
_SHORT = Shape(session_timeout_ms=3_000, workers=1, durability="page-cache")
_THREE_BROKERS = Shape(brokers=3)

SCENARIOS = {
    "services": Scenario(acts=[kill(name) for name in _SERVICES]),
    "pairs": Scenario(
        acts=[
            kill("decision", "dispatcher"),
            kill("decision", "worker-1"),
            kill("dispatcher", "worker-2"),
            kill("resources", "decision"),
            kill("listener", "status"),
        ]
    ),
    "servers": Scenario(
        acts=[kill("kafka"), kill("postgres"), kill("kafka", "postgres"), kill("kafka", "decision"), kill("kafka")]
    ),
    "frozen": Scenario(
        acts=[
            freeze_owner("decision"),
            freeze_owner("dispatcher"),
            freeze_owner("resources"),
            freeze_owner("listener"),
            freeze("worker-1"),
            freeze("status", read_model=False),
        ]
    ),
    "leaders": Scenario(acts=[kill_leader, kill_leader, kill_leader], shape=_THREE_BROKERS, rate=50),
    "brokers": Scenario(
        acts=[
            kill("decision"),
            kill("dispatcher", "worker-1"),
            kill_leader,
            freeze_owner("decision"),
            freeze_owner("dispatcher"),
            kill("resources", "listener"),
            kill("postgres", "status"),
        ],
        shape=_THREE_BROKERS,
        rate=50,
    ),
    "rebalance": Scenario(
        acts=[
            add_process("decision-b"),
            add_process("decision-c"),
            remove_process("decision-b"),
            remove_process("decision-c"),
        ],
        shape=Shape(shards=8),
        rate=50,
    ),
    "upgrade": Scenario(acts=[upgrade(service) for service in ("decision", "dispatcher", "resources")]),
}
# Everything of each kind once, as much as possible at the same time: what `make test` has room for.
SHORT = Scenario(
    acts=[
        add_process("decision-b"),
        kill("decision", "worker-1", "listener"),
        kill("dispatcher", "status", "resources"),
        kill("kafka", "postgres"),
        remove_process("decision-b"),
        upgrade("decision"),
    ],
    shape=_SHORT,
    rate=12,
    per_shard=8,
    count=300,
)


def run_scenario(
    scenario: Scenario, folder: Path, say: Callable[[str], None], count: int | None = None
) -> tuple[list[dict[str, Any]], list[str]]:
    """Run a scenario on a stack of its own; return what was measured, and what is wrong."""
    wanted = count or scenario.count
    with running_stack(folder, scenario.shape, say) as stack:
        load = Load(stack.settings, shards=scenario.shape.shards, per_shard=scenario.per_shard, rate=scenario.rate)
        run = Run(stack, load, say)
        try:
            # Under way before the first act: a cold start is not what is measured.
            run.recovered(run.mark())
            for number, act in enumerate(scenario.acts, start=1):
                act(run)
                # Acts are spread over the load.
                due = wanted * number // (len(scenario.acts) + 1)
                run.until("the load to go on", lambda due=due: len(load.ended) >= due)  # type: ignore[misc]
            run.until("the load to be started", lambda: len(load.started) >= wanted)
            problems = run.judge()
        finally:
            run.close()
        if problems:
            say(stack.processes.log_tails(40))
        return run.measures, problems
