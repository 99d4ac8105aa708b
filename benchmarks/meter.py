"""Measures what the processes use between two moments."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from benchmarks.figures import Usage
from benchmarks.usage import TICK_MS, cpu_ms, cpu_used, peak_rss_mb, role_of
from headrace.local.dev_child import DevStack

_STAT = Path("/proc/stat")
# Of the first line of /proc/stat: all but the times of being idle and waiting for the disk, which are these; and but
# the guests' at the end, which the first two contain.
_IDLE = (3, 4)
_GUESTS_FROM = 8


class Reading(NamedTuple):
    """One look."""

    at: float
    pids: dict[str, int]
    cpu_ms: dict[str, float]
    machine_ms: float


class Meter:
    """Reads the stack's processes, and ours as `client`."""

    def __init__(self, stack: DevStack) -> None:
        self._stack = stack

    def pids(self) -> dict[str, int]:
        """Return the processes as they are now: what was killed has another id."""
        return {**self._stack.pids(), "client": os.getpid()}

    def read(self) -> Reading:
        """Look now."""
        pids = self.pids()
        return Reading(time.perf_counter(), pids, cpu_ms(pids), _machine_ms())

    def since(self, before: Reading) -> Usage:
        """Return what was used since that look. Of a process that was killed in between, only its successor counts."""
        after = self.read()
        anew = {name for name, pid in after.pids.items() if before.pids.get(name) != pid}
        used = cpu_used(before.cpu_ms, after.cpu_ms, anew)
        seconds = after.at - before.at
        others_ms = after.machine_ms - before.machine_ms - sum(used.values())
        return Usage(
            cpu_ms=used,
            peak_rss_mb=_largest(peak_rss_mb(after.pids)),
            others_cores=max(others_ms / 1000 / seconds, 0.0) if seconds > 0 else 0.0,
            seconds=seconds,
        )


def _largest(peaks: Mapping[str, float]) -> dict[str, float]:
    """Of several workers, the largest."""
    found: dict[str, float] = {}
    for name, peak in peaks.items():
        found[role_of(name)] = max(found.get(role_of(name), 0.0), peak)
    return found


def _machine_ms() -> float:
    """Return the CPU time that all of the machine has used since it began."""
    times = [int(text) for text in _STAT.read_text(encoding="ascii").split("\n", 1)[0].split()[1:]]
    return sum(used for place, used in enumerate(times[:_GUESTS_FROM]) if place not in _IDLE) * TICK_MS
