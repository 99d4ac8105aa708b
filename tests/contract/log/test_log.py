"""What every log must do: one suite over the adapter in memory and the one on Kafka."""

from __future__ import annotations

import pytest

from headrace.shard.ports import Bounds, PositionLost, TopicPartition
from tests.contract.log.conftest import OTHER, PARTITIONS, TOPIC, World, acks, read, until

P0, P1 = TopicPartition(TOPIC, 0), TopicPartition(TOPIC, 1)


def write(world: World, count: int, partition: TopicPartition = P0) -> None:
    for number in range(count):
        world.append(partition, str(number).encode())


def test_appends_are_acknowledged_in_order_with_their_offsets(world: World) -> None:
    writer = world.log.writer(P0, "writer")
    for token in range(5):
        writer.append(token, b"value %d" % token, [("pos", b"x"), ("to", b"d1")])
    found = acks(writer, 5)
    assert [(ack.token, ack.offset, ack.error) for ack in found] == [(token, token, "") for token in range(5)]
    assert all(ack.at > 0 for ack in found)
    assert writer.poll(0) == []
    writer.close()


def test_two_writers_see_that_they_are_not_alone(world: World) -> None:
    first, second = world.log.writer(P0, "first"), world.log.writer(P0, "second")
    first.append(0, b"a", [])
    acks(first, 1)
    second.append(0, b"b", [])
    acks(second, 1)
    first.append(1, b"c", [])
    assert acks(first, 1)[0].offset == 2


def test_records_come_back_as_they_were_written(world: World) -> None:
    world.append(P0, b"value", key=b"key", headers=[("pos", b"\x00\xff"), ("to", b"d1,d2")])
    source = world.log.source("reader")
    source.assign({P0: 0})
    (record,) = read(source, 1)
    assert (record.topic, record.partition, record.offset) == (TOPIC, 0, 0)
    assert (record.key, record.value, record.headers) == (b"key", b"value", [("pos", b"\x00\xff"), ("to", b"d1,d2")])
    assert record.at > 1_600_000_000_000
    source.close()


def test_a_source_reads_several_partitions_each_in_order_from_its_start(world: World) -> None:
    write(world, 5, P0)
    write(world, 3, P1)
    write(world, 2, TopicPartition(OTHER, 1))
    source = world.log.source("reader")
    source.assign({P0: 2, P1: 0})
    source.assign({TopicPartition(OTHER, 1): 1})
    found = read(source, 7)
    by_partition = {
        where: [record.offset for record in found if (record.topic, record.partition) == where]
        for where in (P0, P1, (OTHER, 1))
    }
    assert by_partition == {P0: [2, 3, 4], P1: [0, 1, 2], (OTHER, 1): [1]}
    assert dict(source.assigned()) == {P0: 5, P1: 3, TopicPartition(OTHER, 1): 2}
    source.close()


def test_a_source_returns_no_more_than_the_limit(world: World) -> None:
    write(world, 10)
    source = world.log.source("reader")
    source.assign({P0: 0})
    sizes: list[int] = []

    def all_read() -> bool:
        sizes.append(len(source.poll(3, 50)))
        return sum(sizes) == 10

    until(all_read)
    assert max(sizes) <= 3
    source.close()


def test_a_source_goes_back_and_forth(world: World) -> None:
    write(world, 5)
    source = world.log.source("reader")
    source.assign({P0: 0})
    assert [record.offset for record in read(source, 5)] == [0, 1, 2, 3, 4]
    source.assign({P0: 1})
    assert [record.offset for record in read(source, 4)] == [1, 2, 3, 4]
    source.assign({P0: 4})
    assert [record.offset for record in read(source, 1)] == [4]
    source.close()


def test_a_source_that_was_moved_delivers_nothing_of_the_old_place(world: World) -> None:
    write(world, 500)
    source = world.log.source("reader")
    source.assign({P0: 0})
    until(lambda: bool(source.poll(1, 50)))
    source.assign({P0: 490})
    assert [record.offset for record in read(source, 10)] == list(range(490, 500))
    source.close()


def test_a_partition_that_was_dropped_is_read_no_more(world: World) -> None:
    write(world, 3, P0)
    write(world, 3, P1)
    source = world.log.source("reader")
    source.assign({P0: 0})
    read(source, 3)
    source.drop([P0])
    source.assign({P1: 0})
    world.append(P0, b"late")
    assert {record.partition for record in read(source, 3)} == {1}
    assert dict(source.assigned()) == {P1: 3}
    source.close()


def test_what_is_appended_while_a_source_waits_arrives(world: World) -> None:
    source = world.log.source("reader")
    source.assign({P0: 0})
    assert source.poll(10, 50) == []
    world.append(P0, b"new")
    assert [record.value for record in read(source, 1)] == [b"new"]
    source.close()


def test_bounds(world: World) -> None:
    write(world, 5, P0)
    assert world.log.bounds([P0, P1]) == {P0: Bounds(0, 5), P1: Bounds(0, 0)}
    world.shorten(P0, 3)
    assert world.log.bounds([P0]) == {P0: Bounds(3, 5)}


def test_what_lies_before_an_offset_is_deleted(world: World) -> None:
    write(world, 5, P0)
    write(world, 2, P1)
    world.log.delete_before({P0: 3, P1: 0})
    until(lambda: world.log.bounds([P0, P1]) == {P0: Bounds(3, 5), P1: Bounds(0, 2)})
    world.log.delete_before({})


def test_the_first_offset_of_a_time(world: World) -> None:
    write(world, 3)
    source = world.log.source("reader")
    source.assign({P0: 0})
    records = read(source, 3)
    assert world.log.offset_at(P0, records[0].at - 1) == 0
    assert world.log.offset_at(P0, records[2].at) <= 2
    assert world.log.offset_at(P0, records[2].at + 60_000) == 3
    assert world.log.offset_at(P1, 0) == 0
    source.close()


def test_single_records(world: World) -> None:
    write(world, 3)
    found = [world.log.record_at(P0, offset) for offset in (0, 2, 3)]
    assert [record.value if record else None for record in found] == [b"0", b"2", None]


def test_a_position_before_what_exists_is_lost(world: World) -> None:
    write(world, 5)
    world.shorten(P0, 3)
    source = world.log.source("reader")
    source.assign({P0: 1})
    lost(source, r"offset 1 of workflow.journal\[0\] to exist, but it holds 3 to 4")


def test_a_position_after_the_end_is_lost(world: World) -> None:
    write(world, 5)
    source = world.log.source("reader")
    source.assign({P0: 9})
    lost(source, r"offset 9 of workflow.journal\[0\] to exist, but it holds 0 to 4")


def test_a_topic_that_is_made_anew_has_another_id(world: World) -> None:
    before = world.log.topic_ids([TOPIC, OTHER, "none"])
    assert set(before) == {TOPIC, OTHER}
    world.make_anew(TOPIC)
    after = world.log.topic_ids([TOPIC, OTHER])
    assert after[OTHER] == before[OTHER] and after[TOPIC] != before[TOPIC]


def test_partition_counts(world: World) -> None:
    assert world.log.partition_count(TOPIC) == PARTITIONS


def lost(source, match: str) -> None:  # type: ignore[no-untyped-def]
    """Expect that a source says that its position is gone, and says so again."""
    for _ in range(2):
        with pytest.raises(PositionLost, match=match):
            until(lambda: bool(source.poll(10, 50)))
    source.close()
