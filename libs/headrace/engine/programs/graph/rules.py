"""Whether a node runs, given how its needs ended.

It is a table, and the two sentences that it comes from: a failure of a task that is not significant counts as skipped;
what a failure or a skip does to those who need it is their `run_if`.
"""

from __future__ import annotations

from collections.abc import Iterable

from headrace.engine.graph.model import RunIf

RUN = "RUN"
SUCCEEDED = "SUCCEEDED"
FAILED = "FAILED"
SKIPPED = "SKIPPED"
UPSTREAM_FAILED = "UPSTREAM_FAILED"
CANCELLED = "CANCELLED"

# run_if -> (all needs succeeded, some were skipped and none failed, some failed)
VERDICTS: dict[RunIf, tuple[str, str, str]] = {
    "all_succeeded": (RUN, SKIPPED, UPSTREAM_FAILED),
    "none_failed": (RUN, RUN, UPSTREAM_FAILED),
    "all_done": (RUN, RUN, RUN),
    "any_failed": (SKIPPED, SKIPPED, RUN),
}


def verdict(run_if: RunIf, needs: Iterable[str]) -> str:
    """Return RUN, SKIPPED or UPSTREAM_FAILED. `needs` are the statuses as those who need them see them (`seen_as`)."""
    worst = 0
    for status in needs:
        worst = max(worst, 0 if status == SUCCEEDED else 1 if status == SKIPPED else 2)
    return VERDICTS[run_if][worst]


def seen_as(status: str, *, significant: bool) -> str:
    """Return a status as the tasks see it that need its task."""
    return status if significant or status == SUCCEEDED else SKIPPED
