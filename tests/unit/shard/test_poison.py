"""An input that ends every process that decides it."""

from __future__ import annotations

from headrace.contracts.journal import EpochStarted, InputMarked, JournalRecord
from headrace.shard.limits import Limits
from tests.support.memory_world import MemoryWorld


def live_and_die(world: MemoryWorld, name: str) -> bool:
    """Run a process until it dies of its input (True) or has nothing to do (False)."""
    world.start(name)
    try:
        world.settle(name)
    except SystemExit:
        world.kill(name)
        return True
    return False


def test_a_deadly_input_is_parked_after_a_few_reigns_and_the_others_are_decided() -> None:
    world = MemoryWorld()
    world.send("a", "deposit", 1)
    world.send("b", "die")
    world.send("c", "deposit", 1)
    deaths = 0
    while live_and_die(world, f"p{deaths}"):
        deaths += 1
        assert deaths < 10
    state = world.state(f"p{deaths}")
    limits = Limits()
    # The reigns that recorded nothing, and those in which it was marked.
    assert deaths == limits.idle_reigns - 1 + limits.marks
    assert state.balance("a") == 1 == state.balance("c")
    assert state.rejected[0].startswith("InputParked: Expected to decide workflow.commands[0] offset 1")
    assert world.replay().state.as_data() == state.as_data()


def test_idle_reigns_count_up_until_something_is_recorded() -> None:
    world = MemoryWorld()
    for name in ("p", "q"):
        world.start(name)
        world.settle(name)
        world.kill(name)
    world.start("r")
    world.send("a", "deposit", 1)
    world.settle("r")
    world.kill("r")
    world.start("s")
    world.settle("s")
    counts = [m.idle_reigns for m in world.journal() if isinstance(m, EpochStarted)]
    assert counts == [1, 2, 3, 1]


def test_marks_are_in_the_log_before_the_input_runs() -> None:
    world = MemoryWorld()
    world.send("b", "die")
    for name in ("p", "q", "r"):
        assert live_and_die(world, name)
    last = world.journal()[-1]
    assert isinstance(last, JournalRecord)
    assert [(type(event), event.offset) for event in last.events] == [(InputMarked, 0)]  # type: ignore[attr-defined]


def test_an_innocent_input_that_was_marked_is_decided() -> None:
    world = MemoryWorld()
    for number in range(3):
        world.start(f"p{number}")
        world.settle(f"p{number}")
        world.kill(f"p{number}")
    world.send("a", "deposit", 1)
    world.send("a", "deposit", 1)
    world.start("q")
    world.settle("q")
    assert world.state("q").balance("a") == 2
    kinds = [type(event) for m in world.journal() if isinstance(m, JournalRecord) for event in m.events]
    assert kinds.count(InputMarked) == 2
    assert world.replay().marks == {}


def test_what_comes_after_the_catch_up_is_not_marked() -> None:
    world = MemoryWorld()
    for number in range(4):
        world.start(f"p{number}")
        world.settle(f"p{number}")
        world.kill(f"p{number}")
    world.start("q")
    world.settle("q")
    world.send("a", "deposit", 1)
    world.settle("q")
    assert not any(
        isinstance(e, InputMarked) for m in world.journal() if isinstance(m, JournalRecord) for e in m.events
    )
