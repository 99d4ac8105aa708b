"""Rule 7, cut off: a process ends between any two writes of a checkpoint, or goes on as a zombie."""

from __future__ import annotations

import pytest

from headrace.shard.host import ShardHost
from headrace.shard.limits import Limits
from headrace.shard.memory_snapshots import Commit
from headrace.shard.ports import TopicPartition
from tests.support.bank import COMMANDS, JOURNAL
from tests.support.memory_world import MemoryWorld

# Small records and chunks, and nothing is kept longer than it must: every way to lose something is open.
TIGHT = Limits(record_inputs=1, snapshot_chunk_bytes=24, journal_keep_ms=0, delete_every_ms=0)
STEPS = 40


def busy_world() -> tuple[MemoryWorld, ShardHost]:
    """Return a world with a checkpoint, more decided after it, and every write a step of its own."""
    world = MemoryWorld(limits=TIGHT)
    world.log.snapshot_writes_per_poll = 1
    host = world.start("p")
    for number in range(4):
        world.send(f"account-{number}", "deposit", 1)
        world.send("big", "deposit", 1)
    world.send("x", "alarm", 1_000)
    world.settle()
    world.checkpoint("p")
    world.send("big", "deposit", 1)
    world.send("account-1", "deposit", 1)
    world.clock.advance(2_000)  # the alarm fires: its entry becomes a tombstone
    world.settle()
    return world, host


def check(world: MemoryWorld, name: str, expected_big: int) -> None:
    state = world.state(name)
    assert [state.balance(f"account-{number}") for number in range(4)] == [1, 2, 1, 1]
    assert (state.balance("big"), state.balance("alarms"), state.alarms) == (expected_big, 1, {})


@pytest.mark.parametrize("outcome", list(Commit))
@pytest.mark.parametrize("steps", range(STEPS))
def test_a_process_that_ends_between_two_writes(steps: int, outcome: Commit) -> None:
    world, host = busy_world()
    outcomes = [outcome]
    world.log.choose_commit = lambda _writer: outcomes.pop() if outcomes else Commit.COMMITTED
    world.ask_checkpoint("p")
    for step in range(steps):
        if step == 3:
            world.send("big", "deposit", 1)  # decided while the snapshot is on its way
        host.step()
    if steps <= 3:
        world.send("big", "deposit", 1)
    world.kill("p")
    world.start("q")
    world.settle()
    check(world, "q", 6)
    world.checkpoint("q")
    world.kill("q")
    world.start("r")
    world.settle()
    check(world, "r", 6)


def test_the_steps_reach_from_the_first_write_to_the_deletion() -> None:
    world, host = busy_world()
    first = world.written_checkpoint()
    low = world.low(COMMANDS)
    world.ask_checkpoint("p")
    seen = []
    for _ in range(STEPS):
        host.step()
        newer = world.written_checkpoint() != first
        seen.append((newer, world.low(COMMANDS) > low))
    assert (False, False) in seen and seen[-1] == (True, True)
    assert (False, True) not in seen, "commands are deleted only after the commit"


@pytest.mark.parametrize("outcome", [Commit.COMMITTED, Commit.ABORTED])
@pytest.mark.parametrize("early", range(0, 16, 3))
@pytest.mark.parametrize("late", [0, 2, 100])
def test_a_zombies_snapshot_is_refused_whenever_it_wakes_up(early: int, late: int, outcome: Commit) -> None:
    world, zombie = busy_world()
    del world.hosts["p"]
    world.log.hold = True
    shard = zombie.shards[0]
    assert shard.reign is not None
    shard.reign.checkpoints.ask()
    for _ in range(3):
        zombie.step()
        while world.log.deliver():
            pass
    zombie.step()
    (writer,) = world.log.snapshots_under_way
    for _ in range(early):
        writer.advance()
    world.log.hold = False
    world.group.give(0, "q")
    world.start("q")
    world.send("big", "deposit", 1)
    for _ in range(late):
        world.hosts["q"].step()
    world.log.choose_commit = lambda _writer: outcome if _writer is writer else Commit.COMMITTED
    while writer.advance():
        pass
    world.settle("q")
    check(world, "q", 6)
    world.checkpoint("q")
    for _ in range(10):
        zombie.step()
    world.send("big", "deposit", 1)
    world.settle("q")
    world.kill("q")
    world.start("r")
    world.settle("r")
    check(world, "r", 7)


def test_a_zombie_learns_that_it_was_fenced_and_is_silent() -> None:
    world, zombie = busy_world()
    world.log.snapshot_writes_per_poll = 0
    del world.hosts["p"]
    shard = zombie.shards[0]
    assert shard.reign is not None
    shard.reign.checkpoints.ask()
    for _ in range(4):
        zombie.step()
    world.group.give(0, "q")
    world.log.snapshot_writes_per_poll = 1_000
    world.start("q")
    world.settle("q")
    before = world.written_checkpoint()
    shard.step()
    assert world.written_checkpoint() == before
    assert zombie.metrics[0].abandoned == 1


def test_commands_are_deleted_up_to_the_checkpoint_and_no_further() -> None:
    world, _ = busy_world()
    checkpoint = world.checkpoint("p")
    (position,) = (where for where in checkpoint.positions if where.topic == COMMANDS)
    world.log.hold = True
    world.send("big", "deposit", 1)
    world.settle()
    assert world.low(COMMANDS) == position.offset + 1
    assert len(world.log.records(COMMANDS, 0)) == 1


def test_a_command_that_only_moved_the_position_is_not_needed_either() -> None:
    world, _ = busy_world()
    end = world.send("account-1", "noop")
    world.settle()
    world.checkpoint("p")
    assert world.low(COMMANDS) == end + 1
    world.kill("p")
    world.start("q")
    world.settle()
    check(world, "q", 5)


def test_a_shard_that_was_deleted_up_to_its_checkpoint_is_fenced_as_ever() -> None:
    world, _ = busy_world()
    for _ in range(3):
        world.checkpoint("p")
    assert world.low(JOURNAL) > 0
    where = TopicPartition(JOURNAL, 0)
    assert world.log.bounds([where])[where].end - world.low(JOURNAL) <= 3
    world.kill("p")
    world.start("q")
    world.settle()
    check(world, "q", 5)
