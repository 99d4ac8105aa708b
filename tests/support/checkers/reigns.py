"""Who ran which shard, by the reigns in its journal."""

from __future__ import annotations

from itertools import pairwise

from tests.support.checkers.history import History


def check_versions(history: History) -> list[str]:
    """Return where older code has begun a reign after newer code."""
    problems = []
    newest: dict[tuple[str, int], int] = {}
    for reign in history.reigns:
        where = (reign.topic, reign.partition)
        version = reign.started.code_version
        if version < newest.get(where, version):
            problems.append(
                f"{where}: {reign.started.process} with code version {version} runs a shard of {newest[where]}"
            )
        newest[where] = max(version, newest.get(where, version))
    return problems


def longest_gap_ms(history: History, journal: str, partition: int, begin_ms: int, end_ms: int) -> int:
    """Return the longest gap between records that count, of those that touch an interval; by the broker's clock."""
    times = [d.at for d in history.decisions.get((journal, partition), ())]
    gaps = [later - earlier for earlier, later in pairwise(times) if later > begin_ms and earlier < end_ms]
    return max(gaps, default=0)
