"""The real deciders over definitions in memory, with a fold that refuses one node: the trap."""

from __future__ import annotations

import msgspec

from headrace.contracts.codec import Codec
from headrace.contracts.message import Message
from headrace.contracts.task_events import TaskScheduled
from headrace.engine.activations import Activations
from headrace.engine.budget import NoBudget
from headrace.engine.context import Context, Limits, Shards
from headrace.engine.decider import DecisionDecider
from headrace.engine.programs.graph.program import GraphProgram
from headrace.engine.programs.program import Program
from headrace.engine.programs.python.limits import PythonLimits
from headrace.engine.programs.python.program import PythonProgram
from headrace.engine.state import ShardState
from headrace.shard.roles import ShardRole
from headrace.testing.definitions import InMemoryDefinitions
from headrace_decision.wiring import decision_role
from tests.simulation.workflows.keeping import LOOP_STEPS


class TrapSprung(Exception):
    """The fold met the trap."""


class TrappedDecider(DecisionDecider):
    """A decision decider whose fold breaks, half done, at a task of the name `trap`."""

    def evolve(self, state: ShardState, event: Message) -> None:
        """Change the state by one event."""
        super().evolve(state, event)
        if isinstance(event, TaskScheduled) and event.node == "trap":
            raise TrapSprung(f"{event.run_id} step {event.step}")


def trapped_decision_role(
    shards: Shards, limits: Limits, definitions: InMemoryDefinitions, code_version: int
) -> ShardRole:
    """Return the decision service's role with that decider, as code of some version."""

    def decider_for(shard: int) -> DecisionDecider:
        programs: dict[str, Program] = {
            "graph": GraphProgram(),
            "python": PythonProgram(lambda source: definitions.functions[source], PythonLimits(loop_steps=LOOP_STEPS)),
        }
        activations = Activations(
            definitions=definitions, programs=programs, budget=NoBudget(), limit=limits.live_coroutines
        )
        mine = msgspec.structs.replace(shards, shard=shard)
        decider = TrappedDecider(Context(shards=mine, limits=limits, activations=activations, codec=Codec()))
        decider.code_version += code_version
        return decider

    role = decision_role(shards, limits, definitions, NoBudget())
    return msgspec.structs.replace(role, decider_for=decider_for)
