"""Rule 5: sizes, and decisions that are too large for one record."""

from __future__ import annotations

import pytest

from headrace.contracts.journal import JournalRecord
from headrace.shard.errors import DecisionTooLarge
from headrace.shard.limits import Limits
from tests.support.bank import JOURNAL
from tests.support.memory_world import MemoryWorld

SMALL = Limits(record_limit_bytes=10_000)


def sizes(world: MemoryWorld) -> list[int]:
    return [len(record.value) for record in world.log.records(JOURNAL, 0)]


def test_a_record_never_exceeds_the_limit_and_never_splits_an_input() -> None:
    world = MemoryWorld(limits=SMALL)
    for amount in (4_000, 4_500, 4_500, 9_000, 100, 9_000, 9_000):
        world.send("a", "huge", amount)
    world.start("p")
    world.settle()
    assert world.state("p").held == 40_100
    assert max(sizes(world)) <= SMALL.record_limit_bytes
    events = [len(m.events) for m in world.journal() if isinstance(m, JournalRecord)]
    assert sum(events) == 7 and max(events) == 2


def test_inputs_before_one_that_does_not_fit_are_recorded_without_it() -> None:
    world = MemoryWorld(limits=SMALL)
    world.send("a", "huge", 4_000)
    world.send("a", "huge", 9_000)
    world.start("p")
    world.settle()
    first, second = [m for m in world.journal() if isinstance(m, JournalRecord)]
    assert [p.offset for p in first.positions] == [0]
    assert [p.offset for p in second.positions] == [1]


def test_a_large_decision_goes_out_in_rounds_before_other_inputs() -> None:
    world = MemoryWorld(limits=SMALL)
    world.send("a", "burst", 500)
    world.send("b", "deposit", 1)
    world.start("p")
    world.settle()
    journal = [m for m in world.journal() if isinstance(m, JournalRecord)]
    assert len(journal) > 3
    assert max(sizes(world)) <= SMALL.record_limit_bytes
    assert world.state("p").balance("a") == 500
    assert [event.workflow_id for event in journal[-1].events] == ["b"]  # type: ignore[attr-defined]


def test_the_rest_of_a_large_decision_survives_its_process() -> None:
    world = MemoryWorld(limits=SMALL)
    world.send("a", "burst", 500)
    world.send("b", "deposit", 1)
    world.start("p")
    while len(world.journal()) < 4:
        world.hosts["p"].step()
    world.kill("p")
    world.start("q")
    world.settle()
    assert world.state("q").balance("a") == 500
    assert world.state("q").balance("b") == 1


def test_an_input_whose_events_cannot_fit_is_refused_and_nothing_of_it_stays() -> None:
    world = MemoryWorld(limits=SMALL)
    world.send("a", "deposit", 1)
    world.send("a", "huge", 20_000)
    world.send("a", "deposit", 2)
    world.start("p")
    world.settle()
    state = world.state("p")
    assert state.held == 0 and state.balance("a") == 3
    assert state.rejected[0].startswith(f"{DecisionTooLarge.__name__}: Expected the events of one decision")


def test_an_event_that_the_fold_refuses_is_never_recorded() -> None:
    world = MemoryWorld()
    world.send("a", "deposit", 1)
    world.send("a", "unevolvable")
    world.send("a", "deposit", 2)
    world.start("p")
    world.settle()
    assert world.state("p").rejected == ["TypeError: no fold for TimerCancelled"]
    assert world.state("p").as_data() == world.replay().state.as_data()


@pytest.mark.parametrize("window", [1, 2, 64])
def test_decisions_run_ahead_of_acknowledgements_in_a_bounded_window(window: int) -> None:
    world = MemoryWorld(limits=Limits(record_inputs=1, in_flight_records=window))
    host = world.start("p")
    world.settle()
    world.log.hold = True
    for _ in range(100):
        world.send("a", "deposit", 1)
    for _ in range(300):
        host.step()
    assert len(world.log.in_flight) == window
    while world.log.deliver() or host.step():
        pass
    assert world.replay().state.balance("a") == 100
