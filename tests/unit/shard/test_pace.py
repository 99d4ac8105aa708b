"""Batching follows the load: a reader rests under load, and only then, and never longer than its time to gather."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.shard.kafka.pace import Pace


def pace() -> Pace:
    return Pace(gather_s=0.008, late_s=0.012)


@pytest.mark.parametrize("clock_s", [0.0, -5.0, 70.0])
def test_fresh_records_never_wait(clock_s: float) -> None:
    reader = pace()
    for step in range(1_000):
        reader.took(clock_s + 0.002, clock_s + 0.001, step * 0.003)
        assert reader.rest_s(step * 0.003) == 0


@pytest.mark.parametrize("clock_s", [0.0, -5.0, 70.0])
def test_late_records_gather(clock_s: float) -> None:
    reader = pace()
    reader.took(clock_s + 0.030, clock_s + 0.001, 1.0)
    assert reader.rest_s(1.0) == pytest.approx(0.008)
    assert reader.rest_s(1.005) == pytest.approx(0.003)
    assert reader.rest_s(1.008) == 0


def test_resting_is_no_load() -> None:
    reader = pace()
    reader.took(0.030, 0.001, 1.0)
    # What came right after the last batch is as old as the rest was long.
    reader.took(0.008 + 0.001, 0.001, 1.008)
    assert reader.rest_s(1.008) == 0


def test_clocks_that_are_set_are_understood_in_time() -> None:
    reader, now = pace(), 0.0
    reader.took(0.002, 0.001, now)
    for _ in range(100):  # the broker's clock is set back by a second
        now += 1.0
        reader.took(1.002, 1.001, now)
    assert reader.rest_s(now) == 0


def test_with_no_bound_everything_gathers() -> None:
    reader = Pace(gather_s=0.025, late_s=0.0)
    reader.took(0.001, 0.001, 1.0)
    assert reader.rest_s(1.0) == pytest.approx(0.025)


@given(st.lists(st.tuples(st.floats(-100, 100), st.floats(0, 5), st.floats(0, 0.5)), max_size=50))
def test_the_rest_is_bounded_whatever_comes(batches: list[tuple[float, float, float]]) -> None:
    reader, now = pace(), 0.0
    for youngest, spread, passed in batches:
        now += passed
        reader.took(youngest + spread, youngest, now)
        assert 0 <= reader.rest_s(now) <= 0.008
