"""How the worker and its machine are, from `/proc`: figures for people, so what cannot be read is left out."""

from __future__ import annotations

import os
import resource
import shutil
import time
from pathlib import Path

_PROC = Path("/proc")
_KIB = 1_024


class Node:
    """Reads figures. Shares are of the time since the last reading: the first one has none."""

    def __init__(self, folder: Path, proc: Path = _PROC) -> None:
        """`folder` is one on the disk that matters."""
        self._folder = folder
        self._proc = proc
        self._machine = self._ticks()
        self._process = _process_s()

    def read(self) -> dict[str, float]:
        """Return figures by name."""
        figures: dict[str, float] = {}
        before, self._machine = self._machine, self._ticks()
        if before and self._machine and self._machine[1] > before[1]:
            figures["cpu_percent"] = 100 * (self._machine[0] - before[0]) / (self._machine[1] - before[1])
        (cpu_before, at_before), self._process = self._process, _process_s()
        cpu, at = self._process
        if at > at_before:
            figures["worker_cpu_percent"] = 100 * (cpu - cpu_before) / (at - at_before)
        memory = meminfo_bytes(_text(self._proc / "meminfo"))
        if "MemTotal" in memory and "MemAvailable" in memory:
            figures["memory_total_bytes"] = memory["MemTotal"]
            figures["memory_available_bytes"] = memory["MemAvailable"]
        pages = _text(self._proc / "self/statm").split()
        if len(pages) > 1:
            figures["worker_memory_bytes"] = int(pages[1]) * resource.getpagesize()
        try:
            figures["load_1m"] = os.getloadavg()[0]
            disk = shutil.disk_usage(self._folder)
        except OSError:
            return figures
        figures["disk_total_bytes"], figures["disk_free_bytes"] = disk.total, disk.free
        return figures

    def _ticks(self) -> tuple[int, int] | None:
        return busy_ticks(_text(self._proc / "stat"))


def busy_ticks(stat: str) -> tuple[int, int] | None:
    """Return how long all processors were busy, and in all, from `/proc/stat`; None where it says nothing."""
    words = stat.partition("\n")[0].split()
    if len(words) < 6 or words[0] != "cpu":
        return None
    ticks = [int(word) for word in words[1:9]]  # those of guests are part of user time
    idle = ticks[3] + ticks[4]
    return sum(ticks) - idle, sum(ticks)


def meminfo_bytes(meminfo: str) -> dict[str, int]:
    """Return `/proc/meminfo` as bytes by name."""
    found = {}
    for line in meminfo.splitlines():
        name, _, amount = line.partition(":")
        words = amount.split()
        if len(words) == 2 and words[1] == "kB":
            found[name] = int(words[0]) * _KIB
    return found


def _process_s() -> tuple[float, float]:
    return time.process_time(), time.monotonic()


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
