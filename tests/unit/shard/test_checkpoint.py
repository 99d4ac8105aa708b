"""Rule 7: a checkpoint is the state at its fence, or nothing at all."""

from __future__ import annotations

import pytest

from headrace.contracts.journal import EpochStarted, JournalRecord
from headrace.shard.arrivals import Arrival
from headrace.shard.errors import ShardDeclined
from headrace.shard.limits import Limits
from headrace.shard.memory import Append, Delivery
from headrace.shard.memory_snapshots import Commit
from headrace.shard.ports import TopicPartition
from headrace.shard.runtime import Phase
from tests.support.bank import COMMANDS, JOURNAL, SNAPSHOTS
from tests.support.memory_world import MemoryWorld

ONE = Limits(record_inputs=1)


def deposits(world: MemoryWorld, count: int, account: str = "a") -> None:
    for _ in range(count):
        world.send(account, "deposit", 1)


def test_a_reign_begins_at_the_checkpoint_and_replays_only_what_came_after_it() -> None:
    world = MemoryWorld(limits=ONE)
    world.start("p")
    deposits(world, 5)
    world.send("a", "alarm", 100_000)
    world.settle()
    checkpoint = world.checkpoint("p")
    deposits(world, 2)
    world.settle()
    live = world.state("p").as_data()
    world.kill("p")
    world.start("q")
    world.settle()
    assert world.hosts["q"].metrics[0].replayed == 2
    assert world.state("q").as_data() == live == world.replay().state.as_data()
    assert checkpoint.epoch == world.journal().index(
        next(message for message in world.journal() if isinstance(message, EpochStarted) and message.checkpoint)
    )


def test_the_fence_is_a_new_epoch_in_which_the_state_goes_on() -> None:
    world = MemoryWorld(limits=ONE)
    world.start("p")
    deposits(world, 3)
    world.settle()
    checkpoint = world.checkpoint("p")
    deposits(world, 1)
    world.settle()
    last = world.journal()[-1]
    assert isinstance(last, JournalRecord)
    assert (last.epoch, last.n) == (checkpoint.epoch, 1)
    assert world.hosts["p"].metrics[0].reigns == 1
    assert world.state("p").balance("a") == 4 == world.replay().state.balance("a")


def test_only_what_has_changed_is_written() -> None:
    world = MemoryWorld()
    world.start("p")
    for number in range(20):
        deposits(world, 1, f"account-{number}")
    world.settle()
    world.checkpoint("p")
    deposits(world, 1, "account-7")
    world.settle()
    world.checkpoint("p")
    assert world.hosts["p"].metrics[0].checkpoint_entries == 2  # the account, and its alarm that never was


def test_a_shard_makes_checkpoints_idle_or_not_and_nothing_else_when_it_is_idle() -> None:
    world = MemoryWorld(2, limits=Limits(checkpoint_ms=5_000))
    world.start("p")
    world.settle()
    before = len(world.journal())
    for _ in range(20):
        world.clock.advance(5_000)
        world.settle()
    later = world.journal()[before:]
    assert all(isinstance(message, EpochStarted) and message.checkpoint for message in later)
    assert 19 <= len(later) <= 22
    assert all(message.idle_reigns == 0 for message in later if isinstance(message, EpochStarted))


@pytest.mark.parametrize("limits", [Limits(checkpoint_events=10), Limits(checkpoint_bytes=500)])
def test_a_busy_shard_makes_one_before_its_time(limits: Limits) -> None:
    world = MemoryWorld(limits=limits)
    world.start("p")
    deposits(world, 15)
    world.settle()
    assert world.hosts["p"].metrics[0].checkpoints == 1


def test_what_was_replayed_counts_as_if_this_reign_had_decided_it() -> None:
    world = MemoryWorld(limits=Limits(checkpoint_events=10))
    world.limits = Limits()
    world.start("p")
    deposits(world, 15)
    world.settle()
    world.kill("p")
    world.limits = Limits(checkpoint_events=10)
    world.start("q")
    world.settle()
    assert world.written_checkpoint() is not None


def test_the_reign_decides_on_while_the_snapshot_is_written() -> None:
    world = MemoryWorld(limits=ONE)
    host = world.start("p")
    deposits(world, 3)
    world.settle()
    world.log.snapshot_writes_per_poll = 0  # the transaction stands still
    world.ask_checkpoint("p")
    for _ in range(5):
        host.step()
    deposits(world, 3)
    for _ in range(10):
        host.step()
    assert world.replay().state.balance("a") == 6
    assert world.written_checkpoint() is None
    world.log.snapshot_writes_per_poll = 1
    world.settle()
    checkpoint = world.written_checkpoint()
    assert checkpoint is not None
    world.kill("p")
    world.start("q")
    world.settle()
    assert world.hosts["q"].metrics[0].replayed == 3  # the snapshot holds none of what was decided meanwhile
    assert world.state("q").balance("a") == 6


def test_nothing_in_flight_goes_into_a_snapshot() -> None:
    world = MemoryWorld(limits=ONE)
    host = world.start("p")
    world.settle()
    world.log.hold = True
    deposits(world, 3)
    for _ in range(5):
        host.step()
    assert len(world.log.in_flight) == 3
    world.ask_checkpoint("p")
    for _ in range(20):
        host.step()
    assert len(world.log.in_flight) == 3, "no fence before everything is acknowledged"
    deposits(world, 1)
    for _ in range(5):
        host.step()
    assert len(world.log.in_flight) == 3, "nothing is decided while the checkpoint waits"


def test_a_fence_that_is_not_at_the_next_offset_drops_the_state() -> None:
    world = MemoryWorld(limits=ONE)
    world.start("p")
    deposits(world, 3)
    world.settle()
    world.log.append(JOURNAL, 0, b"", headers=[])  # somebody wrote between our last record and the fence
    world.ask_checkpoint("p")
    world.settle()
    metrics = world.hosts["p"].metrics[0]
    assert (metrics.abandoned, metrics.checkpoints) == (1, 0)
    assert world.written_checkpoint() is None
    deposits(world, 1)
    world.settle()
    assert world.state("p").balance("a") == 4 == world.replay().state.balance("a")


@pytest.mark.parametrize("outcome", [kind for kind in Delivery if kind is not Delivery.WRITTEN])
def test_a_fence_that_is_not_delivered_as_it_should_drops_the_state(outcome: Delivery) -> None:
    world = MemoryWorld(limits=ONE)
    world.start("p")
    deposits(world, 3)
    world.settle()
    at = len(world.journal())

    def choose(append: Append) -> Delivery:
        return (
            outcome if len(world.journal()) == at and world.hosts["p"].metrics[0].abandoned == 0 else Delivery.WRITTEN
        )

    world.log.choose = choose
    world.ask_checkpoint("p")
    deposits(world, 3)
    world.settle()
    assert world.hosts["p"].metrics[0].abandoned >= 1
    assert world.state("p").balance("a") == 6 == world.replay().state.balance("a")


@pytest.mark.parametrize("outcome", [kind for kind in Commit if kind is not Commit.COMMITTED])
def test_a_commit_that_is_not_known_to_have_succeeded_ends_the_reign(outcome: Commit) -> None:
    world = MemoryWorld(limits=ONE)
    world.start("p")
    deposits(world, 3)
    world.settle()
    outcomes = [outcome]
    world.log.choose_commit = lambda _writer: outcomes.pop() if outcomes else Commit.COMMITTED
    world.ask_checkpoint("p")
    world.settle()
    metrics = world.hosts["p"].metrics[0]
    assert (metrics.abandoned, metrics.checkpoints) == (1, 0)
    deposits(world, 3)
    world.settle()
    world.checkpoint("p")
    world.kill("p")
    world.start("q")
    world.settle()
    assert world.state("q").balance("a") == 6 == world.replay().state.balance("a")


def test_a_compacted_snapshot_is_the_same_state() -> None:
    world = MemoryWorld(limits=Limits(snapshot_chunk_bytes=16))
    world.start("p")
    for number in range(4):
        deposits(world, 3)
        world.send(f"alarm-{number}", "alarm", 1_000)
        world.settle()
        world.checkpoint("p")
        world.clock.advance(700)
        world.settle()
    world.checkpoint("p")
    live = world.state("p").as_data()
    world.log.compact(TopicPartition(SNAPSHOTS, 0))
    world.kill("p")
    world.start("q")
    world.settle()
    assert world.state("q").as_data() == live
    assert world.hosts["q"].metrics[0].replayed == 0


def test_the_marks_of_careful_reigns_are_in_the_checkpoint() -> None:
    world = MemoryWorld()
    host = world.start("p")
    deposits(world, 1)
    world.settle()
    fold = host.shards[0].fold
    assert fold is not None
    for _ in range(2):
        fold.mark(TopicPartition(COMMANDS, 0), 900)
    world.checkpoint("p")
    world.kill("p")
    world.start("q")
    world.settle()
    fold = world.hosts["q"].shards[0].fold
    assert fold is not None and fold.times_marked(TopicPartition(COMMANDS, 0), 900) == 2


def test_older_code_declines_what_newer_code_has_packed() -> None:
    world = MemoryWorld(limits=ONE)
    old = world.start("old", code_version=1)
    world.settle()
    world.log.hold = True
    deposits(world, 1)
    while not world.log.in_flight:
        old.step()
    late = world.log.in_flight.popleft()
    world.log.hold = False
    world.kill("old")
    world.start("new", code_version=2)
    world.settle()
    world.checkpoint("new")
    world.kill("new")
    world.log.deliver_one(late)  # a zombie's record is the last: looking back shows its old reign
    world.start("older", code_version=1)
    with pytest.raises(ShardDeclined, match="start the newer release"):
        world.settle()


def test_a_checkpoint_beyond_our_own_fence_means_that_we_are_late() -> None:
    world = MemoryWorld(limits=ONE)
    late = world.start("late")
    world.log.hold = True
    while not world.log.in_flight:
        late.step()
    world.log.deliver()  # its EpochStarted stands in the log, and then it is paused
    world.log.hold = False
    del world.hosts["late"]
    world.group.give(0, "q")
    world.start("q")
    deposits(world, 3)
    world.settle()
    world.checkpoint("q")
    world.hosts["late"] = late
    world.group.give(0, "late")
    world.settle("late")
    assert late.metrics[0].abandoned == 1
    assert world.state("late").balance("a") == 3


def test_a_snapshot_that_takes_too_long_to_load_is_loaded_anew() -> None:
    world = MemoryWorld(limits=Limits(snapshot_load_ms=1_000, poll_records=1))
    world.start("p")
    for number in range(10):
        deposits(world, 1, f"account-{number}")
    world.settle()
    world.checkpoint("p")
    world.kill("p")
    host = world.start("q")
    while host.shards.get(0) is None or host.shards[0].phase is not Phase.LOAD:
        host.step()
    host.step()
    world.clock.advance(1_001)  # paused: tombstones may have gone meanwhile
    host.step()
    host.step()
    assert host.metrics[0].abandoned == 1
    world.settle()
    assert sum(world.state("q").balance(f"account-{number}") for number in range(10)) == 10


def test_inputs_that_were_read_before_are_known_after_a_checkpoint() -> None:
    world = MemoryWorld(limits=ONE)
    host = world.start("p")
    deposits(world, 3)
    world.settle()
    checkpoint = world.checkpoint("p")
    shard = host.shards[0]
    for record in world.log.records(COMMANDS, 0):
        shard.offer(Arrival(record))
    world.settle()
    assert world.state("p").balance("a") == 3
    assert [position.offset for position in checkpoint.positions if position.topic == COMMANDS] == [2]
