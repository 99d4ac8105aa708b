"""Two tasks that compute."""

from __future__ import annotations

from headrace import task


@task
def conformance_double(value: int) -> int:
    """Return twice the value."""
    return 2 * value


@task
def conformance_total(values: list[int]) -> int:
    """Return the sum."""
    return sum(values)
