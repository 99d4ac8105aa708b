"""Whether `headrace cancel` and `terminate` found anything to end."""

from __future__ import annotations

import pytest

from headrace.cli.commands.control import had_ended


@pytest.mark.parametrize(
    ("verb", "before", "after", "expected"),
    [
        ("cancel", ("RUNNING", 1), ("RUNNING", 1), False),
        ("cancel", ("RUNNING", 1), ("CANCELLED", 1), False),
        ("cancel", ("RUNNING", 1), ("SUCCEEDED", 1), False),  # a workflow may end well when it is asked to end
        ("cancel", ("CANCELLED", 1), ("CANCELLED", 1), True),
        ("cancel", None, ("CANCELLED", 1), False),
        ("cancel", ("FAILED", 1), ("CANCELLED", 2), False),  # it ran again in between
        ("terminate", ("RUNNING", 1), ("TERMINATED", 1), False),
        ("terminate", ("STUCK", 1), ("TERMINATED", 1), False),
        ("terminate", ("TERMINATED", 1), ("TERMINATED", 1), True),
        ("terminate", ("RUNNING", 1), ("SUCCEEDED", 1), True),  # what was read before was behind
        ("terminate", None, ("FAILED", 1), True),
    ],
)
def test_a_command_that_found_nothing_to_end(
    verb: str, before: tuple[str, int] | None, after: tuple[str, int], expected: bool
) -> None:
    def read(of: tuple[str, int]) -> dict[str, object]:
        return {"status": of[0], "attempt": of[1]}

    assert had_ended(verb, None if before is None else read(before), read(after)) is expected
