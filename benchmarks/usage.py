"""What processes use, from /proc: CPU time and memory of each, its children included.

This process is the parent of the whole stack: of itself, only what it uses alone counts.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


def cpu_ms(pids: Mapping[str, int]) -> dict[str, float]:
    """Return the CPU time that each process and its descendants have used so far, the ended ones included, in ms."""
    family_of = families(pids.values())
    return {name: sum(map(_cpu_ms, family_of[root])) for name, root in pids.items()}


def peak_rss_mb(pids: Mapping[str, int]) -> dict[str, float]:
    """Return the largest resident memory of each process since it began, in MB.

    Of a family (Postgres), the first process counts whole and the others without what they share.
    """
    family_of = families(pids.values())
    return {
        name: round((_status_kb(root, "VmHWM") + sum(_own_kb(pid) for pid in family_of[root][1:])) / 1024, 1)
        for name, root in pids.items()
    }


def cpu_used(before: Mapping[str, float], after: Mapping[str, float], anew: Collection[str] = ()) -> dict[str, float]:
    """Return what each process has used between two looks, in ms, workers together.

    Of those that were started `anew` in between, all that the new process has used counts.
    """
    used: dict[str, float] = {}
    for name, total in after.items():
        role = role_of(name)
        used[role] = used.get(role, 0.0) + total - (0.0 if name in anew else before.get(name, 0.0))
    return used


def rss_bytes(pid: int) -> int:
    """Return the resident memory of one process now."""
    return _status_kb(pid, "VmRSS") * 1024


def thread_count(pid: int) -> int:
    """Return how many threads a process has; 0 when it is gone."""
    try:
        return len(list((_PROC / str(pid) / "task").iterdir()))
    except OSError:
        return 0


def role_of(name: str) -> str:
    """Return `worker` for `worker-2`."""
    return "worker" if name.startswith("worker-") else name


def families(roots: Iterable[int]) -> dict[int, list[int]]:
    """Return each process and its descendants, itself first. Ours are left out: of this process only itself counts."""
    children: dict[int, list[int]] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            fields = stat_fields(entry)
            if fields:
                children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = {}
    for root in roots:
        family = [root]
        if root != os.getpid():
            for pid in family:
                family += children.get(pid, [])
        found[root] = family
    return found


def stat_fields(folder: Path) -> list[str]:
    """Return the fields of /proc/PID/stat from the third on (state, parent, ...); empty when the process is gone.

    `folder` is /proc/PID, or /proc/PID/task/TID for one thread.
    """
    try:
        return (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def _cpu_ms(pid: int) -> float:
    fields = stat_fields(_PROC / str(pid))
    # utime, stime, cutime, cstime: fields 14 to 17 of the page proc(5), which counts from 1 and from the pid.
    ticks = sum(map(int, fields[11:13] if pid == os.getpid() else fields[11:15]))
    return ticks * TICK_MS


def _own_kb(pid: int) -> int:
    return _status_kb(pid, "RssAnon")


def _status_kb(pid: int, field: str) -> int:
    try:
        lines = (_PROC / str(pid) / "status").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{field}:")), 0)
