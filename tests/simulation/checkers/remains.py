"""What is left at rest is bounded: in memory, in the topics that only a checkpoint ends, and in the snapshots."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.headers import journal_position
from headrace.contracts.topics import RESOURCE_COMMANDS, WORKFLOW_COMMANDS
from headrace.engine.decider import DecisionDecider
from headrace.engine.state import ShardState as DecisionState
from headrace.shard.ports import TopicPartition
from headrace.shard.runtime import Shard
from headrace.shard.snapshots import Assembler
from headrace_execution.dispatcher.state import DispatcherState
from tests.simulation.world import World
from tests.support.contents import contents, open_contents

_CHECKPOINTS_MS = 15_000
"""What is older is in two checkpoints of everybody: one that has passed it, and one that says so."""
_LAST_MS = 5_000
"""In the last moments only readers go on."""
_LIVE = ("due", "suspects", "beats", "reported", "held", "dirty", "audit")


def check(world: World) -> Iterator[str]:
    """Yield what is left that should not be."""
    for process in world.hosts:
        for shard in process.host.shards.values():
            if shard.fold is None:
                yield f"Expected {process.name} to run {shard.env.name} at rest, but it does not"
                continue
            held = {name: value for name, value in _held(shard, process.clock.now_ms()).items() if value}
            if held:
                yield f"Expected nothing open in {shard.env.name} at rest, but it holds {held}"
            yield from _snapshot(world, shard)
    yield from _commands(world)
    if not world.shape.journal_keep_ms:
        yield from _journals(world)


def _held(shard: Shard, now_ms: int) -> dict[str, object]:
    """Return what of a state, and beside it, should be empty once everything has ended.

    A clock that is behind comes to the limits of what has ended later.
    """
    assert shard.fold is not None
    state, decider = shard.fold.state, shard.env.decider
    found = open_contents(state)
    if isinstance(state, DispatcherState):
        found |= {name: getattr(state.live, name) for name in _LIVE}
        found["deadlines"] = [limit for limit in state.live.deadlines if limit[0] < now_ms - _LAST_MS]
    if isinstance(state, DecisionState):
        assert isinstance(decider, DecisionDecider)
        found |= {"timers": len(state.timers), "coroutines": len(decider.context.activations)}
    return found


def _snapshot(world: World, shard: Shard) -> Iterator[str]:
    """The last checkpoint holds the state at rest and no more: nothing of what was open once comes back."""
    assert shard.fold is not None
    where = shard.env.snapshots
    world.log.compact(where)
    bounds = world.log.bounds([where])[where]
    records, _ = world.log.read(where, bounds.low, bounds.end + 1, committed=True)
    assembler = Assembler()
    for record in records:
        assembler.take(record.key, record.value)
    decider = shard.env.role.decider_for(shard.env.shard)
    wanted, found = contents(shard.fold.state), contents(decider.restored(assembler.entries({})))
    differing = {name: (wanted[name], found[name]) for name in wanted if wanted[name] != found[name]}
    if differing:
        yield f"Expected the snapshot of {shard.env.name} to hold its state at rest, but they differ: {differing}"


def _commands(world: World) -> Iterator[str]:
    for topic, role in ((WORKFLOW_COMMANDS, "decision"), (RESOURCE_COMMANDS, "resources")):
        for partition in range(world.shard_count(role)):
            where = TopicPartition(topic, partition)
            bounds = world.log.bounds([where])[where]
            if bounds.low != bounds.end:
                yield f"Expected no command to be left in {where} at rest, but it holds {bounds.low} to {bounds.end}"


def _journals(world: World) -> Iterator[str]:
    """Everybody has passed all decisions, and so they are deleted once they are old by their owner's clock."""
    for process in world.hosts:
        for shard in process.host.shards.values():
            where, now = shard.env.journal, process.clock.now_ms()
            left = [
                record.offset
                for record in world.log.records(*where)
                if (position := journal_position(record.headers)) is not None
                and position[0] >= 0
                and record.at < now - _CHECKPOINTS_MS
            ]
            if left:
                yield f"Expected no decision to be left in {where} at rest, but it holds {left}"
