"""Rule 6, and what readers make of what stands in the log afterwards."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from headrace.contracts.journal import EpochStarted
from headrace.shard.arrivals import Arrival
from headrace.shard.limits import Limits
from headrace.shard.memory import Append, Delivery
from headrace.shard.runtime import Phase
from tests.support.bank import COMMANDS, JOURNAL
from tests.support.memory_world import MemoryWorld

ONE = Limits(record_inputs=1)


def nth(number: int, outcome: Delivery) -> Callable[[Append], Delivery]:
    """Return a choice that lets one append end differently from all others."""
    count = 0

    def choose(_append: Append) -> Delivery:
        nonlocal count
        count += 1
        return outcome if count == number else Delivery.WRITTEN

    return choose


def epochs(world: MemoryWorld, shard: int = 0) -> int:
    return sum(isinstance(message, EpochStarted) for message in world.journal(shard))


@pytest.mark.parametrize("outcome", [kind for kind in Delivery if kind is not Delivery.WRITTEN])
@pytest.mark.parametrize("number", [1, 2, 3, 6])
def test_a_delivery_that_goes_wrong_costs_a_reign_and_no_decision(outcome: Delivery, number: int) -> None:
    world = MemoryWorld(limits=ONE)
    world.log.choose = nth(number, outcome)
    for _ in range(8):
        world.send("a", "deposit", 1)
    world.start("p")
    world.settle()
    world.send("a", "deposit", 1)  # a doubled fence or record at the end shows only now
    world.settle()
    assert world.state("p").balance("a") == 9
    assert world.replay().state.as_data() == world.state("p").as_data()
    assert world.hosts["p"].metrics[0].abandoned >= 1


def test_a_record_that_is_lost_among_pipelined_ones_closes_the_reign() -> None:
    world = MemoryWorld(limits=ONE)
    host = world.start("p")
    world.settle()
    world.log.hold = True
    for _ in range(4):
        world.send("a", "deposit", 1)
    for _ in range(10):
        host.step()
    assert len(world.log.in_flight) == 4
    lost = world.log.in_flight[1]
    del world.log.in_flight[1]
    while world.log.deliver():
        pass
    # The others stand in the log, but only the first counts: what follows the hole was decided on top of it.
    assert world.replay().state.balance("a") == 1
    world.log.hold = False
    world.log.choose = lambda append: Delivery.FAILED if append is lost else Delivery.WRITTEN
    world.log.deliver_one(lost)
    world.settle()
    assert world.replay().state.balance("a") == 4


def test_a_zombie_may_write_what_it_likes() -> None:
    world = MemoryWorld(limits=ONE)
    old = world.start("old")
    world.settle()
    world.log.hold = True
    world.send("a", "deposit", 1)
    while not world.log.in_flight:
        old.step()
    late = world.log.in_flight.popleft()  # the old owner is paused with a record under way
    world.log.hold = False
    world.group.give(0, "new")
    world.start("new")
    world.settle("new")
    world.log.deliver_one(late)  # ... and it arrives
    assert world.replay().state.balance("a") == 1
    world.send("a", "deposit", 1)
    world.settle("new")
    assert world.state("new").balance("a") == 2 == world.replay().state.balance("a")


def test_pipelined_records_of_a_zombie_do_not_continue_the_numbers_of_its_successor() -> None:
    world = MemoryWorld(limits=ONE)
    old = world.start("old")
    for _ in range(2):
        world.send("a", "deposit", 1)
    world.settle()
    world.log.hold = True
    for _ in range(4):
        world.send("a", "deposit", 1)
    while len(world.log.in_flight) < 4:
        old.step()
    late = list(world.log.in_flight)  # numbers 3 to 6
    world.log.in_flight.clear()
    world.log.hold = False
    world.group.give(0, "new")
    world.limits = Limits(record_inputs=2)
    world.start("new")
    world.settle("new")  # numbers 1 and 2 of its own reign, on the same commands
    for append in late:
        world.log.deliver_one(append)
    assert world.replay().state.balance("a") == 6 == world.state("new").balance("a")


def test_a_process_that_lost_its_shard_without_knowing_drops_it_when_it_writes() -> None:
    world = MemoryWorld(limits=ONE)
    old = world.start("old")
    world.settle()
    paused = old.shards[0]
    world.group.give(0, "new")
    world.start("new")
    world.settle("new")
    world.send("a", "deposit", 1)
    world.settle("new")
    # The old owner wakes up. Its group has not told it anything yet: it decides the same command once more.
    for record in world.log.records(COMMANDS, 0):
        paused.offer(Arrival(record))
    while paused.phase is Phase.REIGN:
        paused.step()
    assert paused.phase is Phase.ASK and paused.fold is None
    assert world.replay().state.balance("a") == 1


def test_only_whom_the_group_still_has_begins_again() -> None:
    world = MemoryWorld()
    host = world.start("p")
    world.settle()
    shard = host.shards[0]
    shard.abandon("a test")
    world.group.give(0, "somebody else")
    for _ in range(50):
        shard.step()
        world.clock.advance(100)
    assert shard.phase is Phase.ASK and epochs(world) == 1
    world.group.give(0, "p")
    world.settle()
    assert epochs(world) == 2 and shard.caught_up


def test_an_abandoned_shard_pauses_for_a_random_time() -> None:
    pauses = set()
    for seed in range(8):
        world = MemoryWorld(seed=seed)
        host = world.start("p")
        world.settle()
        shard = host.shards[0]
        shard.abandon("a test")
        began = world.clock.monotonic_ms()
        while shard.phase is not Phase.REIGN:
            shard.step()
            world.clock.advance(1)
        pauses.add(world.clock.monotonic_ms() - began)
    assert len(pauses) > 4
    assert min(pauses) >= Limits().pause_min_ms and max(pauses) <= Limits().pause_max_ms + 20


def test_two_owners_at_the_same_time_lose_and_double_nothing() -> None:
    world = MemoryWorld(2, limits=ONE)
    world.start("p")
    world.settle()
    # Both believe that the group has given them both shards: the group only spreads the work.
    world.start("q")
    for name in ("p", "q"):
        world.hosts[name]._membership.shards = lambda: frozenset({0, 1})  # type: ignore[method-assign]
        world.hosts[name]._membership.confirm = lambda shard: True  # type: ignore[method-assign]
    for number in range(30):
        world.send("a", "deposit", 1, shard=number % 2)
        world.send("b", "send", 1, shard=number % 2, to=(number + 1) % 2)
        for name in ("p", "q"):
            world.hosts[name].step()
            world.hosts[name].step()
        world.clock.advance(world.random.randint(0, 200))
    world.settle()
    total = [sum(world.replay(shard).state.balance(account) for shard in (0, 1)) for account in ("a", "b")]
    assert total == [30, 30]
    assert epochs(world) > 2


def test_a_shard_that_is_given_back_is_drained_and_dropped() -> None:
    world = MemoryWorld()
    host = world.start("p")
    world.send("a", "deposit", 1)
    world.settle()
    world.group.give(0, "")
    host.step()
    assert host.shards == {}
    world.send("a", "deposit", 1)
    for _ in range(20):
        host.step()
    assert len(world.log.records(JOURNAL, 0)) == 2


def test_a_log_that_is_away_costs_nothing_but_time() -> None:
    world = MemoryWorld()
    world.log.away = True
    host = world.start("p")
    for _ in range(20):
        host.step()
        world.clock.advance(1_000)
    assert not world.journal()
    world.log.away = False
    world.send("a", "deposit", 1)
    world.settle()
    world.log.away = True
    for _ in range(20):
        host.step()
        world.clock.advance(1_000)
    world.log.away = False
    world.send("a", "deposit", 1)
    world.settle()
    assert world.state("p").balance("a") == 2 and epochs(world) == 1


def test_a_coordinator_that_does_not_answer_yet_is_asked_again_without_haste() -> None:
    world = MemoryWorld()
    host = world.start("p")
    world.settle()
    shard = host.shards[0]
    shard._membership.confirm = lambda shard: None  # type: ignore[method-assign]
    shard.abandon("a test")
    shard.step()
    assert shard.phase is Phase.ASK and (shard.wait_ms() or 0) > 0


def test_every_reign_has_a_decider_of_its_own() -> None:
    world = MemoryWorld()
    shard = world.start("p").shards
    world.settle()
    before = shard[0].env.decider
    shard[0].abandon("a test")
    world.settle()
    assert shard[0].env.decider is not before
