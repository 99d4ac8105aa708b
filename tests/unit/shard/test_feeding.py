"""Shards of one process share what they read, and do not wait for one another."""

from __future__ import annotations

from headrace.shard.limits import Limits
from tests.support.memory_world import MemoryWorld

SMALL = Limits(record_inputs=1, in_flight_records=2, inbox_records=10, poll_records=5, checkpoint_ms=1_000_000)
COUNT = 60


def begin() -> MemoryWorld:
    world = MemoryWorld(2, limits=SMALL)
    world.start("p")
    world.settle()
    world.log.hold = True
    for _ in range(COUNT):
        for shard in range(2):
            world.send(f"own-{shard}", "deposit", 1, shard=shard)
            world.send(f"other-{shard}", "send", 1, shard=shard, to=1 - shard)
    return world


def go_on(world: MemoryWorld, rounds: int, *, stuck: int | None) -> None:
    """Step, delivering what is appended to every journal but one that has no leader."""
    for _ in range(rounds):
        world.hosts["p"].step()
        for append in [append for append in world.log.in_flight if append.writer.partition.partition != stuck]:
            world.log.in_flight.remove(append)
            world.log.deliver_one(append)
        world.clock.advance(1)


def test_a_journal_without_a_leader_holds_up_its_own_shard_only() -> None:
    world = begin()
    go_on(world, 2_000, stuck=0)
    state = world.replay(1).state
    assert state.balance("own-1") == COUNT
    assert world.replay(0).state.deposits == {}
    go_on(world, 2_000, stuck=None)
    world.log.hold = False
    world.settle()
    for shard in range(2):
        assert world.state("p", shard).balance(f"own-{shard}") == COUNT
        assert world.state("p", shard).balance(f"other-{1 - shard}") == COUNT
        assert world.replay(shard).state.as_data() == world.state("p", shard).as_data()
    assert world.hosts["p"].metrics[0].abandoned == 0


def test_a_shard_that_has_caught_up_is_fed_with_the_others_again() -> None:
    world = begin()
    go_on(world, 600, stuck=0)
    go_on(world, 2_000, stuck=None)
    decided = world.hosts["p"].metrics[0].inputs_decided
    world.send("late", "deposit", 1, shard=0)
    world.send("late", "send", 1, shard=1, to=0)
    go_on(world, 200, stuck=None)
    assert world.hosts["p"].metrics[0].inputs_decided == decided + 2
    assert world.replay(0).state.balance("late") == 2


def test_a_shard_that_was_set_apart_can_be_given_back() -> None:
    world = begin()
    go_on(world, 600, stuck=0)
    world.group.give(0, "q")
    world.start("q")
    while world.log.deliver():
        pass
    world.log.hold = False
    world.settle()
    assert world.state("q", 0).balance("own-0") == COUNT
    assert world.state("p", 1).balance("other-0") == COUNT
    world.group.give(0, "p")
    world.send("late", "deposit", 1, shard=0)
    world.settle()
    assert world.state("p", 0).balance("late") == 1


def test_commands_that_were_deleted_behind_a_deposed_owner_stop_nobody() -> None:
    world = MemoryWorld(2, limits=Limits(record_inputs=1, delete_every_ms=0, inbox_records=4, poll_records=2))
    old = world.start("old")
    world.settle()
    paused = world.hosts.pop("old")
    for _ in range(10):
        for shard in range(2):
            world.send("a", "deposit", 1, shard=shard)
    world.group.give(0, "new")  # shard 1 is still the old one's
    world.start("new")
    world.settle()
    world.checkpoint("new", 0)
    assert world.low("workflow.commands", 0) == 10
    world.group.give(0, "old")  # the group has changed its mind, and the old owner has noticed none of it
    world.hosts["old"] = paused
    world.kill("new")
    world.group.give(0, "old")
    world.settle("old")
    assert old.shards.keys() == {0, 1}
    for shard in range(2):
        assert world.state("old", shard).balance("a") == 10
