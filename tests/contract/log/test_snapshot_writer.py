"""What every snapshot writer must do, in memory and on Kafka."""

from __future__ import annotations

from headrace.shard.ports import TopicPartition, Writing
from tests.contract.log.conftest import SNAPSHOTS, World, done, until

P0, P1 = TopicPartition(SNAPSHOTS, 0), TopicPartition(SNAPSHOTS, 1)


def committed(world: World, partition: TopicPartition = P0) -> list[tuple[bytes, bytes]]:
    """Read what counts in a partition."""
    end = world.log.bounds([partition])[partition].end
    source = world.log.source("loading", committed=True)
    source.assign({partition: 0})
    found: list[tuple[bytes, bytes]] = []

    def at_end() -> bool:
        found.extend((record.key, record.value) for record in source.poll(100, 50))
        return source.assigned()[partition] >= end

    until(at_end)
    source.close()
    return found


def test_a_transaction_is_there_as_a_whole(world: World) -> None:
    writer = world.log.snapshot_writer(P0, "writer")
    writer.fence()
    assert done(writer) is Writing.DONE
    writer.write([(b"a", b"1"), (b"b", b"2"), (b"a", None)])
    assert done(writer) is Writing.DONE
    writer.write([(b"c", b"3")])
    assert done(writer) is Writing.DONE
    assert committed(world) == [(b"a", b"1"), (b"b", b"2"), (b"a", b""), (b"c", b"3")]
    assert committed(world, P1) == []
    writer.close()


def test_a_large_snapshot(world: World) -> None:
    writer = world.log.snapshot_writer(P0, "writer")
    writer.fence()
    assert done(writer) is Writing.DONE
    large = [(b"%d" % number, b"x" * 1_000) for number in range(5_000)] + [(b"chunk", b"y" * 524_288)]
    writer.write(large)
    assert done(writer) is Writing.DONE
    assert committed(world) == large
    writer.close()


def test_a_fence_shuts_out_the_earlier_writer(world: World) -> None:
    old, new = world.log.snapshot_writer(P0, "old"), world.log.snapshot_writer(P0, "new")
    old.fence()
    assert done(old) is Writing.DONE
    old.write([(b"a", b"old")])
    assert done(old) is Writing.DONE
    new.fence()
    assert done(new) is Writing.DONE
    old.write([(b"a", b"zombie"), (b"b", b"zombie")])
    assert done(old) is Writing.FAILED
    new.write([(b"a", b"new")])
    assert done(new) is Writing.DONE
    assert committed(world) == [(b"a", b"old"), (b"a", b"new")]
    old.close()
    new.close()


def test_writers_of_other_partitions_are_left_alone(world: World) -> None:
    first, second = world.log.snapshot_writer(P0, "first"), world.log.snapshot_writer(P1, "second")
    for writer in (first, second):
        writer.fence()
        assert done(writer) is Writing.DONE
    for writer in (first, second):
        writer.write([(b"a", b"1")])
        assert done(writer) is Writing.DONE
        writer.close()
    assert committed(world) == committed(world, P1) == [(b"a", b"1")]


def test_a_fence_ends_what_was_left_open_and_the_end_is_reached(world: World) -> None:
    world.leave_open(P0, b"a", b"never committed")
    writer = world.log.snapshot_writer(P0, "writer")
    writer.fence()
    assert done(writer) is Writing.DONE
    assert committed(world) == []
    writer.write([(b"b", b"1")])
    assert done(writer) is Writing.DONE
    assert committed(world) == [(b"b", b"1")]
    writer.close()


def test_what_is_open_is_not_read(world: World) -> None:
    world.leave_open(P0, b"a", b"open")
    source = world.log.source("loading", committed=True)
    source.assign({P0: 0})
    assert [source.poll(10, 50) for _ in range(5)] == [[]] * 5
    assert source.assigned()[P0] == 0
    source.close()


def test_a_writer_that_is_given_up_disturbs_nobody(world: World) -> None:
    writer = world.log.snapshot_writer(P0, "writer")
    writer.fence()
    writer.close()
    other = world.log.snapshot_writer(P0, "other")
    while True:
        # The one that was given up may still be let in once, after the other; then the other fences again.
        other.fence()
        assert done(other) is Writing.DONE
        other.write([(b"a", b"1")])
        if done(other) is Writing.DONE:
            break
        other = world.log.snapshot_writer(P0, "other")
    assert committed(world) == [(b"a", b"1")]
