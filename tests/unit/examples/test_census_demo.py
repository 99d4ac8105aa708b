"""What the demo makes of the read API's answers."""

from __future__ import annotations

from typing import Any

import pytest

from examples.census.demo import is_noteworthy, last_line, milliseconds, progress_line

ANSWER = {
    "id": "census-1",
    "status": "SUCCEEDED",
    "started_at": "2024-01-01T00:00:00+00:00",
    "ended_at": "2024-01-01T00:00:12.500000+00:00",
    "output": {"files": 1, "lines": 2, "functions": 3, "classes": 4, "unparsable": 5, "report": "/r.html"},
    "tasks": {"SUCCEEDED": 3, "RUNNING": 2, "FAILED": 0},
}


def test_the_last_line_has_all_that_is_promised_in_order() -> None:
    assert list(last_line(ANSWER).items()) == [
        ("id", "census-1"),
        ("status", "SUCCEEDED"),
        ("files", 1),
        ("lines", 2),
        ("functions", 3),
        ("classes", 4),
        ("unparsable", 5),
        ("seconds", 12.5),
        ("report", "/r.html"),
    ]


def test_the_last_line_of_a_failure_has_the_same_fields() -> None:
    failed = last_line({"id": "census-1", "status": "FAILED", "started_at": None, "ended_at": None, "output": None})
    assert list(failed) == list(last_line(ANSWER))
    assert failed["status"] == "FAILED"
    assert failed["lines"] is failed["seconds"] is failed["report"] is None


def test_progress_is_told_by_status() -> None:
    assert progress_line(ANSWER) == "SUCCEEDED: 2 RUNNING, 3 SUCCEEDED"
    assert progress_line({"status": "RUNNING", "tasks": {}}) == "RUNNING: no tasks yet"


@pytest.mark.parametrize("moment", [1_704_067_212_500, "2024-01-01T00:00:12.5Z", "2024-01-01T01:00:12.5+01:00"])
def test_times_are_read_as_numbers_and_as_text(moment: int | str) -> None:
    assert milliseconds(moment) == 1_704_067_212_500


@pytest.mark.parametrize(
    ("task", "noteworthy"),
    [
        ({"status": "SUCCEEDED", "started_at": 1000, "ended_at": 1299}, False),
        ({"status": "SUCCEEDED", "started_at": 1000, "ended_at": 1300}, True),
        ({"status": "SUCCEEDED", "started_at": None, "ended_at": 1300}, False),
        ({"status": "FAILED"}, True),
        ({"status": "TIMED_OUT"}, True),
        ({"status": "SKIPPED"}, False),
    ],
)
def test_slow_and_failed_tasks_are_expected_in_the_account(task: dict[str, Any], noteworthy: bool) -> None:
    assert is_noteworthy(task) is noteworthy
