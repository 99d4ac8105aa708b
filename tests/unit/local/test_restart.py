from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.local.restart import RestartPolicy, next_pause_ms

POLICY = RestartPolicy(pause_ms=500, pause_max_ms=30_000, stable_ms=60_000, start_attempts=3)


@pytest.mark.parametrize(
    ("previous_pause_ms", "lived_ms", "expected_ms"),
    [
        (0, 10, 500),
        (500, 10, 1_000),
        (1_000, 59_999, 2_000),
        (16_000, 10, 30_000),
        (30_000, 10, 30_000),
        (30_000, 60_000, 500),
    ],
)
def test_the_pause_doubles_until_something_has_lived_long_enough(
    previous_pause_ms: int, lived_ms: int, expected_ms: int
) -> None:
    assert next_pause_ms(POLICY, previous_pause_ms=previous_pause_ms, lived_ms=lived_ms) == expected_ms


@given(lives=st.lists(st.integers(min_value=0, max_value=59_999), min_size=1, max_size=30))
def test_pauses_of_what_keeps_dying_never_shrink_nor_pass_the_maximum(lives: list[int]) -> None:
    pauses = [0]
    for lived_ms in lives:
        pauses.append(next_pause_ms(POLICY, previous_pause_ms=pauses[-1], lived_ms=lived_ms))
    assert pauses == sorted(pauses)
    assert pauses[-1] <= POLICY.pause_max_ms
