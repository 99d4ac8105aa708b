"""The journal reader that status, relay, workers and clients share."""

from __future__ import annotations

import pytest

from headrace.shard.limits import Limits
from headrace.shard.memory import Append, Delivery
from headrace.shard.ports import LogAway, PositionLost, TopicPartition
from headrace.shard.reader_rule import START, Position
from headrace.shard.reading import Begin, JournalReader
from tests.support.bank import JOURNAL
from tests.support.memory_world import CODEC, MemoryWorld

J0 = TopicPartition(JOURNAL, 0)


def reader_of(world: MemoryWorld, **options: object) -> JournalReader:
    return JournalReader(world.log, [JOURNAL], name="test", codec=CODEC, clock=world.clock, **options)  # type: ignore[arg-type]


def drain(reader: JournalReader) -> list[tuple[int, int]]:
    """Return (partition, offset) of everything that is accepted now."""
    found = []
    while batch := reader.poll():
        found += [(accepted.partition.partition, accepted.position.offset) for accepted in batch]
    return found


def deposits(world: MemoryWorld, count: int) -> None:
    for _ in range(count):
        world.send("a", "deposit", 1)
        world.settle()


def test_a_reader_returns_what_counts_and_says_when_it_has_reached_the_end() -> None:
    world = MemoryWorld(2)
    world.start("p")
    deposits(world, 3)
    reader = reader_of(world)
    reader.start()
    assert not reader.at_end()
    assert drain(reader) == [(0, 1), (0, 2), (0, 3)]
    assert reader.at_end()
    assert reader.positions == {J0: Position(3, 0, 3), TopicPartition(JOURNAL, 1): Position(0, 0, 0)}


def test_a_reader_goes_on_from_stored_positions() -> None:
    world = MemoryWorld()
    world.start("p")
    deposits(world, 2)
    reader = reader_of(world)
    reader.start()
    drain(reader)
    stored = dict(reader.positions)
    deposits(world, 2)
    again = reader_of(world)
    again.start(stored)
    assert drain(again) == [(0, 3), (0, 4)]


def test_a_reader_skips_zombies_and_what_follows_a_hole() -> None:
    world = MemoryWorld(limits=Limits(record_inputs=1))
    lost: list[Append] = []

    def choose(append: Append) -> Delivery:
        if append.token == 2 and not lost:
            lost.append(append)
            return Delivery.FAILED
        return Delivery.WRITTEN

    world.log.choose = choose
    for _ in range(4):
        world.send("a", "deposit", 1)
    world.start("p")
    world.settle()
    zombie = world.log.records(JOURNAL, 0)[1]
    world.log.append(JOURNAL, 0, zombie.value, headers=zombie.headers)
    reader = reader_of(world)
    reader.start()
    events = []
    while batch := reader.poll():
        events += [event.run_id for accepted in batch for event in accepted.record.events]  # type: ignore[attr-defined]
    assert sorted(events) == [f"workflow.commands/0/{offset}" for offset in range(4)]


def test_a_reader_decodes_only_what_it_wants() -> None:
    world = MemoryWorld(2)
    world.start("p")
    world.send("a", "send", 1, shard=0, to=1)
    world.send("a", "deposit", 1, shard=0)
    world.settle()
    world.log.append(JOURNAL, 0, b"no record", headers=[("pos", (0).to_bytes(8, "big") + (2).to_bytes(8, "big"))])
    reader = reader_of(world, wants=lambda to: "d1" in to)
    reader.start()
    assert drain(reader) == [(0, 1)]


def test_who_wants_news_begins_at_the_last_reign() -> None:
    world = MemoryWorld()
    for name in ("p", "q"):
        world.start(name)
        deposits(world, 2)
        world.kill(name)
    reader = reader_of(world)
    reader.start(otherwise=Begin.LAST_REIGN)
    assert drain(reader) == [(0, 4), (0, 5)]


def test_who_wants_news_of_an_empty_journal_begins_at_its_start() -> None:
    world = MemoryWorld()
    reader = reader_of(world)
    reader.start(otherwise=Begin.LAST_REIGN)
    assert reader.positions == {J0: START} and reader.at_end()


@pytest.mark.parametrize("stored", [Position(0, 0, 0), Position(50, 0, 50)])
def test_a_position_that_does_not_exist_is_an_error(stored: Position) -> None:
    world = MemoryWorld()
    world.start("p")
    deposits(world, 4)
    world.log.shorten(J0, 3)
    with pytest.raises(PositionLost, match=r"read workflow.journal\[0\] from offset \d+ on, but it holds 3 to 4"):
        reader_of(world).start({J0: stored})


def test_a_journal_that_is_not_the_recorded_one_is_an_error() -> None:
    world = MemoryWorld()
    with pytest.raises(PositionLost, match="id somebody-else"):
        reader_of(world, topic_ids={JOURNAL: "somebody-else"}).start()


def test_a_journal_that_is_made_anew_under_its_reader_is_an_error() -> None:
    world = MemoryWorld()
    world.start("p")
    deposits(world, 1)
    reader = reader_of(world)
    reader.start()
    drain(reader)
    world.log.create(JOURNAL, 1)
    world.clock.advance(Limits().topic_check_ms)
    with pytest.raises(PositionLost, match="made anew"):
        reader.poll()


def test_while_the_log_is_away_a_reader_returns_nothing_and_then_goes_on() -> None:
    world = MemoryWorld()
    world.start("p")
    deposits(world, 1)
    reader = reader_of(world)
    reader.start()
    world.log.away = True
    world.clock.advance(Limits().topic_check_ms)
    assert reader.poll() == []
    with pytest.raises(LogAway):
        reader.mark_end()
    world.log.away = False
    assert drain(reader) == [(0, 1)]
