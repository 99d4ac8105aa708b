"""A source whose rare topics are put aside and come back: every record once, in order, whatever happens between."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from headrace.runtime.settings import Settings
from headrace.shard.kafka import KafkaLog
from headrace.shard.kafka.two_paces import TwoPaces
from headrace.shard.ports import PositionLost, TopicPartition
from tests.contract.log.conftest import OTHER, TOPIC, KafkaWorld, read, until

RARE, PROMPT = TopicPartition(TOPIC, 0), TopicPartition(OTHER, 1)


@pytest.fixture
def world(settings: Settings) -> Iterator[KafkaWorld]:
    """A log on Kafka that puts topics aside soon."""
    made = KafkaWorld(settings)
    made.log.close()
    made.log = KafkaLog(msgspec.structs.replace(settings, rare_after_ms=100))
    yield made
    made.log.close()


def put_aside(world: KafkaWorld) -> TwoPaces:
    """Return a source that looks into the rare topic only now and then; it has read offset 0 of both."""
    source = world.log.source("reader", rare=[TOPIC])
    assert isinstance(source, TwoPaces)
    world.append(RARE, b"0")
    world.append(PROMPT, b"0")
    source.assign({RARE: 0, PROMPT: 0})
    read(source, 2)

    def aside() -> bool:
        assert source.poll(10, 20) == []
        return source.aside == {TOPIC}

    until(aside)
    return source


def test_what_comes_meanwhile_is_read_in_order(world: KafkaWorld) -> None:
    source = put_aside(world)
    for number in range(1, 20):
        world.append(RARE if number % 2 else PROMPT, b"%d" % number)
    found = read(source, 19)
    assert [int(r.value) for r in found if r.topic == TOPIC] == list(range(1, 20, 2))
    assert [int(r.value) for r in found if r.topic == OTHER] == list(range(2, 20, 2))
    assert dict(source.assigned()) == {RARE: 11, PROMPT: 10}
    source.close()


def test_it_comes_back_without_a_gap(world: KafkaWorld) -> None:
    source = put_aside(world)
    world.append(RARE, b"1")
    read(source, 1)
    source.heard(TOPIC)
    assert source.aside == set()
    for number in (2, 3):
        world.append(RARE, b"%d" % number)
    assert [record.value for record in read(source, 2)] == [b"2", b"3"]
    source.close()


def test_partitions_that_are_aside_move_and_go(world: KafkaWorld) -> None:
    source = put_aside(world)
    source.assign({RARE: 0})
    assert [record.offset for record in read(source, 1)] == [0]
    source.assign({TopicPartition(TOPIC, 1): 0})
    world.append(TopicPartition(TOPIC, 1), b"x")
    assert [record.value for record in read(source, 1)] == [b"x"]
    source.drop([RARE])
    assert dict(source.assigned()) == {TopicPartition(TOPIC, 1): 1, PROMPT: 1}
    source.close()


def test_a_position_that_is_gone_is_told(world: KafkaWorld) -> None:
    source = put_aside(world)
    for _ in range(5):
        world.append(RARE, b"x")
    world.shorten(RARE, 4)
    source.assign({RARE: 1})
    with pytest.raises(PositionLost, match="offset 1 "):
        until(lambda: bool(source.poll(10, 20)))
    source.close()
