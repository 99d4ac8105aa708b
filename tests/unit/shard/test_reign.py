"""Rules 2 to 5 on the in-memory log."""

from __future__ import annotations

import pytest

from headrace.contracts.headers import addressees, journal_position
from headrace.contracts.journal import EpochStarted, JournalRecord
from headrace.shard.clock import ManualClock
from headrace.shard.errors import ShardDeclined
from headrace.shard.limits import Limits
from tests.support.bank import COMMANDS, JOURNAL, BankDecider
from tests.support.memory_world import MemoryWorld


def records(world: MemoryWorld, shard: int = 0) -> list[JournalRecord]:
    return [message for message in world.journal(shard) if isinstance(message, JournalRecord)]


def test_a_reign_begins_with_its_epoch_and_numbers_its_records() -> None:
    world = MemoryWorld()
    world.start("p")
    for amount in (1, 2, 3):
        world.send("a", "deposit", amount)
        world.settle()
    assert isinstance(world.journal()[0], EpochStarted)
    assert [(r.epoch, r.n) for r in records(world)] == [(0, 1), (0, 2), (0, 3)]
    assert [journal_position(r.headers) for r in world.log.records(JOURNAL, 0)] == [(-1, 0), (0, 1), (0, 2), (0, 3)]


def test_inputs_that_wait_together_share_a_record_and_each_counts_once() -> None:
    world = MemoryWorld()
    for amount in (1, 2, 3):
        world.send("a", "deposit", amount)
    world.start("p")
    world.settle()
    (record,) = records(world)
    assert len(record.events) == 3
    assert [(p.topic, p.offset) for p in record.positions if p.topic == COMMANDS] == [(COMMANDS, 2)]
    assert world.state("p").balance("a") == 6


def test_a_record_takes_so_many_inputs_and_no_more() -> None:
    world = MemoryWorld(limits=Limits(record_inputs=2))
    for _ in range(5):
        world.send("a", "deposit", 1)
    world.start("p")
    world.settle()
    assert [len(record.events) for record in records(world)] == [2, 2, 1]


def test_the_next_owner_goes_on_where_the_log_says() -> None:
    world = MemoryWorld()
    world.start("p")
    world.send("a", "deposit", 5)
    world.settle()
    world.kill("p")
    world.send("a", "deposit", 7)
    world.start("q")
    world.settle()
    assert world.state("q").deposits == {"a": {f"{COMMANDS}/0/0": 5, f"{COMMANDS}/0/1": 7}}


def test_what_is_addressed_to_another_shard_arrives_there_and_only_there() -> None:
    world = MemoryWorld(3)
    world.start("p")
    world.send("a", "send", 9, shard=0, to=2)
    world.settle()
    assert [world.state("p", shard).balance("a") for shard in range(3)] == [0, 0, 9]
    assert [addressees(r.headers) for r in world.log.records(JOURNAL, 0)][-1] == {"d2"}


def test_a_shard_may_address_itself() -> None:
    world = MemoryWorld(1)
    world.start("p")
    world.send("a", "send", 9, to=0)
    world.settle()
    assert world.state("p").balance("a") == 9


def test_what_cannot_be_decoded_is_an_event_and_the_shard_goes_on() -> None:
    world = MemoryWorld()
    world.log.append(COMMANDS, 0, b"no frame")
    world.send("a", "deposit", 1)
    world.start("p")
    world.settle()
    state = world.state("p")
    assert state.balance("a") == 1
    assert "Expected Confluent framing" in state.rejected[0]


def test_an_exception_in_decide_is_an_event_and_what_it_yielded_before_stands() -> None:
    world = MemoryWorld()
    world.send("a", "raise")
    world.send("a", "deposit", 1)
    world.start("p")
    world.settle()
    assert world.state("p").rejected == ["ValueError: the command asked for it"]
    assert world.state("p").balance("a") == 2


def test_timers_wait_until_the_inputs_of_take_over_are_decided() -> None:
    world = MemoryWorld(limits=Limits(record_inputs=1))
    world.start("p")
    world.send("a", "alarm", 100)
    world.hosts["p"].step()
    while not records(world):
        world.hosts["p"].step()
    world.kill("p")
    world.clock.advance(1_000)  # the alarm is overdue
    for _ in range(3):
        world.send("a", "deposit", 1)
    world.start("q")
    world.settle()
    accounts = [event.workflow_id for record in records(world)[1:] for event in record.events]  # type: ignore[attr-defined]
    assert accounts == ["a", "a", "a", "alarms"]


def test_every_reign_is_told_once_when_it_has_caught_up() -> None:
    world = MemoryWorld()
    host = world.start("p")
    world.send("a", "deposit", 1)
    assert not host.ready()
    world.settle()
    decider = host.shards[0].env.decider
    assert isinstance(decider, BankDecider)
    assert host.ready() and decider.takeovers == 1


def test_older_code_declines_before_it_writes() -> None:
    world = MemoryWorld()
    world.start("new", code_version=2)
    world.settle()
    world.kill("new")
    before = world.journal()
    host = world.start("old", code_version=1)
    with pytest.raises(ShardDeclined, match=r"code version 2 or later.*this process has version 1"):
        host.step()
    assert world.journal() == before


def test_older_code_declines_even_if_the_last_record_is_a_zombies() -> None:
    world = MemoryWorld()
    world.start("old")
    world.send("a", "deposit", 1)
    world.settle()
    world.group.give(0, "new")
    world.start("new", code_version=2)
    world.settle("new")
    zombie = world.log.records(JOURNAL, 0)[1]
    world.log.append(JOURNAL, 0, zombie.value, headers=zombie.headers)
    world.hosts.clear()
    world.group.give(0, "")
    world.start("older")
    with pytest.raises(ShardDeclined):
        world.settle("older")


@pytest.mark.parametrize("skew_ms", [-100_000, 100_000])
def test_a_process_with_a_wrong_clock_declines(skew_ms: int) -> None:
    world = MemoryWorld()
    world.log.clock = ManualClock(world.clock.now_ms() + skew_ms)
    world.start("p")
    with pytest.raises(ShardDeclined, match=r"100000 ms (ahead|behind)"):
        world.settle("p")


def test_time_never_goes_back_for_the_decider() -> None:
    world = MemoryWorld()
    world.start("p")
    world.send("a", "deposit", 1)
    world.settle()
    first = records(world)[0].at
    world.kill("p")
    world.clock.set_wall(first - 30_000)  # the next owner's clock is behind
    world.start("q")
    world.send("a", "deposit", 1)
    world.settle()
    assert records(world)[-1].at >= first


def test_a_command_that_changes_nothing_is_recorded_as_read_a_little_later() -> None:
    world = MemoryWorld()
    world.start("p")
    world.settle()
    for _ in range(3):
        world.send("a", "noop")
    for _ in range(10):
        world.hosts["p"].step()
    assert records(world) == []
    world.clock.advance(Limits().progress_delay_ms)
    world.settle()
    (record,) = records(world)
    assert record.events == [] and [p.offset for p in record.positions if p.topic == COMMANDS] == [2]


def test_progress_records_never_answer_progress_records() -> None:
    world = MemoryWorld(3, limits=Limits(checkpoint_ms=1_000_000))
    world.start("p")
    world.send("a", "noop", shard=0)
    world.settle()
    before = [len(world.journal(shard)) for shard in range(3)]
    world.clock.advance(60_000)
    world.settle()
    assert [len(world.journal(shard)) for shard in range(3)] == before == [2, 1, 1]


def test_a_timer_that_is_due_and_does_nothing_does_not_spin() -> None:
    class Idle(BankDecider):
        def tick(self, state, now_ms):  # type: ignore[no-untyped-def]
            return iter(())

    world = MemoryWorld()
    host = world.start("p")
    world.settle()
    shard = host.shards[0]
    shard.env.decider = Idle(0)
    world.send("a", "alarm", 1)
    for _ in range(5):
        host.step()
    world.clock.advance(10)
    ticks = [host.step() for _ in range(100)]
    assert sum(ticks) <= 2 and shard.env.metrics.ticks == 1
