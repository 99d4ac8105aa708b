"""A start that joined is told from one that began a run."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.cli.joined import joins, text


def start(command_id: str) -> dict[str, Any]:
    return {"type": "WorkflowStarted", "detail": {"command_id": command_id}}


@pytest.mark.parametrize(
    ("starts", "expected"),
    [
        ([start("ours")], False),
        ([start("other")], True),
        ([{"type": "WorkflowStarted", "detail": {}}], True),  # a child: its parent asked for it, no command
        ([start("other"), start("ours")], False),
        ([start("ours"), start("other")], False),  # somebody ran it again before we looked
        ([], None),
    ],
)
def test_a_start_joined_when_its_command_began_no_run(starts: list[dict[str, Any]], expected: bool | None) -> None:
    assert joins(starts, "ours") is expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("FAILED", "w-1 exists already and is FAILED; --if-exists rerun starts it again"),
        ("SUCCEEDED", "w-1 exists already and is SUCCEEDED; --if-exists rerun starts it again"),
        ("RUNNING", "w-1 exists already and is RUNNING"),
        ("STUCK", "w-1 exists already and is STUCK"),
    ],
)
def test_only_what_has_ended_can_be_started_again(status: str, expected: str) -> None:
    assert text("w-1", status) == expected
