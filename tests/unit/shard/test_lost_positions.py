"""Topics that were deleted, made anew or shortened: stop loudly, unless somebody else has gone on."""

from __future__ import annotations

import pytest

from headrace.contracts.headers import journal_headers
from headrace.contracts.journal import EpochStarted
from headrace.shard.limits import Limits
from headrace.shard.memory_snapshots import Commit, always_committed
from headrace.shard.ports import PositionLost, TopicPartition
from headrace.shard.runtime import Phase
from tests.support.bank import COMMANDS, JOURNAL
from tests.support.memory_world import CODEC, MemoryWorld


def test_commands_that_were_deleted_before_they_were_decided() -> None:
    world = MemoryWorld()
    for _ in range(5):
        world.send("a", "deposit", 1)
    world.log.shorten(TopicPartition(COMMANDS, 0), 3)
    world.start("p")
    with pytest.raises(PositionLost, match=r"read workflow.commands\[0\] from offset 0 on, but it holds 3 to 4"):
        world.settle()


def test_commands_that_were_deleted_after_they_were_decided_are_no_loss() -> None:
    world = MemoryWorld()
    world.start("p")
    for _ in range(5):
        world.send("a", "deposit", 1)
    world.settle()
    world.kill("p")
    world.log.shorten(TopicPartition(COMMANDS, 0), 5)
    world.start("q")
    world.settle()
    assert world.state("q").balance("a") == 5


def test_an_input_that_ends_before_the_position() -> None:
    world = MemoryWorld()
    world.start("p")
    for _ in range(5):
        world.send("a", "deposit", 1)
    world.settle()
    world.kill("p")
    world.log.create(COMMANDS, 1)  # made anew between two runs, and nobody recorded the id
    world.send("a", "deposit", 1)
    world.start("q")
    with pytest.raises(PositionLost, match="shortened or made anew"):
        world.settle()


def test_a_topic_that_is_made_anew_while_it_is_read() -> None:
    world = MemoryWorld()
    world.start("p")
    world.settle()
    world.log.create(JOURNAL, 1)
    world.clock.advance(Limits().topic_check_ms)
    with pytest.raises(PositionLost, match=r"topic workflow.journal with id topic-2, but it has id topic-4"):
        world.settle()


def test_a_journal_without_its_beginning() -> None:
    world = MemoryWorld()
    world.start("p")
    for _ in range(3):
        world.send("a", "deposit", 1)
        world.settle()
    world.kill("p")
    world.log.shorten(TopicPartition(JOURNAL, 0), 2)
    world.start("q")
    with pytest.raises(PositionLost, match=r"the journal was shortened too far"):
        world.settle()


def test_an_input_that_is_shortened_under_its_reader_stops_it() -> None:
    world = MemoryWorld(2)
    world.start("p")
    world.settle()
    for _ in range(5):
        world.send("a", "deposit", 1)
    world.log.shorten(TopicPartition(COMMANDS, 0), 3)
    with pytest.raises(PositionLost, match=r"offset 0 of workflow.commands\[0\]"):
        world.settle()


def test_who_was_replaced_in_the_middle_of_its_recovery_begins_again() -> None:
    world = MemoryWorld()
    for _ in range(5):
        world.send("a", "deposit", 1)
    host = world.start("old")
    while not host.shards or host.shards[0].phase is not Phase.REPLAY:
        host.step()
    # It is paused here. Somebody else has taken over, has decided the commands, and has deleted them.
    started = EpochStarted(code_version=1, process="new", at=world.clock.now_ms())
    world.log.append(JOURNAL, 0, CODEC.encode(started), headers=journal_headers(-1, 0))
    world.log.shorten(TopicPartition(COMMANDS, 0), 5)
    while not host.metrics[0].abandoned:
        host.step()
    assert host.shards[0].fold is None


def test_a_dead_successors_transaction_does_not_hold_up_who_still_loads() -> None:
    world = MemoryWorld()
    host = world.start("old")
    while not host.shards or host.shards[0].phase is not Phase.LOAD:
        host.step()
    loading = host.shards[0]._loading
    assert loading is not None
    loading.writer.poll()
    # It is paused here. A new owner fences, begins a checkpoint, and ends before the commit.
    world.log.choose_commit = lambda _: Commit.OPEN
    other = world.log.snapshot_writer(host.shards[0].env.snapshots, "new")
    other.fence()
    other.poll()
    other.write([(b"e", b"half a checkpoint")])
    other.poll()
    started = EpochStarted(code_version=1, process="new", at=world.clock.now_ms())
    world.log.append(JOURNAL, 0, CODEC.encode(started), headers=journal_headers(-1, 0))
    world.log.choose_commit = always_committed
    world.settle()
    assert host.metrics[0].abandoned == 1
    assert host.ready()


def test_an_owner_that_was_replaced_long_ago_drops_the_shard_instead() -> None:
    world = MemoryWorld()
    host = world.start("old")
    world.settle()
    # Somebody else has taken over, has decided the commands, and has deleted them.
    started = EpochStarted(code_version=1, process="new", at=world.clock.now_ms())
    world.log.append(JOURNAL, 0, CODEC.encode(started), headers=journal_headers(-1, 0))
    for _ in range(5):
        world.send("a", "deposit", 1)
    world.log.shorten(TopicPartition(COMMANDS, 0), 3)
    host.step()
    assert host.shards[0].fold is None and host.metrics[0].abandoned == 1
