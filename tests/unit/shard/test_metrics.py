"""What a process tells about its shards."""

from __future__ import annotations

from headrace.runtime.metrics import all_metrics
from headrace.shard.metrics_export import MetricsExport
from tests.support.memory_world import MemoryWorld


def value(name: str, shard: str) -> float | None:
    return dict(all_metrics()[f"headrace.shard.{name}"].series()).get((("shard", shard),))


def test_counters_grow_by_what_happened_and_gauges_go_with_the_shard() -> None:
    world = MemoryWorld()
    host = world.start("p")
    export = MetricsExport("metrics-test", world.clock)
    for total in (1, 2):
        world.send("a", "deposit", 1)
        world.settle()
        export.export(host)
        assert value("inputs_decided", "metrics-test-0") == total
        world.clock.advance(1_000)
    assert value("caught_up", "metrics-test-0") == 1
    world.group.give(0, "")
    world.settle()
    export.export(host)
    assert value("caught_up", "metrics-test-0") is None
    assert value("inputs_decided", "metrics-test-0") == 2
