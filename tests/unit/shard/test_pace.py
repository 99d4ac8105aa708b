"""Batching follows the load: a reader rests under load, and only then, and never longer than its time to gather."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from headrace.shard.kafka.pace import Pace


def pace() -> Pace:
    return Pace(gather_s=0.004, busy_from=4_000)


def test_one_workflow_at_a_time_never_waits() -> None:
    reader = pace()
    for step in range(1_000):
        reader.took(1, 300, step * 0.003)
        assert reader.rest_s(step * 0.003) == 0


def test_under_load_two_batches_are_apart_by_the_time_to_gather() -> None:
    reader = pace()
    for step in range(200):
        reader.took(10, 2_000, step * 0.001)
    assert 0 < reader.rest_s(0.2) <= 0.004
    assert reader.rest_s(0.199 + 0.004) == 0


def test_after_load_nothing_waits() -> None:
    reader = pace()
    for step in range(200):
        reader.took(10, 2_000, step * 0.001)
    reader.took(1, 100, 3.0)
    assert reader.rest_s(3.0) == 0


@given(st.lists(st.tuples(st.integers(1, 500), st.floats(0, 0.5)), max_size=50))
def test_the_rest_is_bounded_whatever_comes(batches: list[tuple[int, float]]) -> None:
    reader, now = pace(), 0.0
    for records, passed in batches:
        now += passed
        reader.took(records, records * 100, now)
        assert 0 <= reader.rest_s(now) <= 0.004
