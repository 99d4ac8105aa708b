"""Most of chaos in a minute, on one stack: what is killed at any time loses nothing and does nothing twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.scenarios import SHORT, run_scenario


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_nothing_is_lost_and_nothing_happens_twice_whatever_is_killed(tmp_path: Path) -> None:
    measures, problems = run_scenario(SHORT, tmp_path, print)
    assert problems == []
    assert len(measures) > len(SHORT.acts)
