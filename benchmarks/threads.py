"""Which threads of each process use the CPU: Python's own, those of librdkafka, the JVM's; of Postgres, its processes.

librdkafka names its threads (`rdk:main`, `rdk:broker1`, ...), so they can be told apart from Python's; Python 3.11
names none, so all but the main one are `python`. A thread that has ended while we looked counts as `ended`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from benchmarks.usage import TICK_MS, cpu_ms, families, role_of, stat_fields

_PROC = Path("/proc")
_ENDED = "ended"
# `pool-3-thread-12` and `rdk:broker1` are one of many; a Postgres process tells its client's address and what it does.
_NUMBER = re.compile(r"[-#: ]?\d+$")
_CLIENT = re.compile(r" [\d.]+\(\d+\).*$")
# Below this share of its process a line says nothing.
_SHOWN_SHARE = 0.01


class Thread(NamedTuple):
    """The CPU time of one thread so far."""

    role: str
    label: str
    cpu_ms: float


class Group(NamedTuple):
    """Threads of one name in one process (workers together)."""

    label: str
    number: int
    cpu_ms: float


class ThreadTimes(NamedTuple):
    """CPU times so far: of each thread, by process and thread id, and of each process as a whole, in ms."""

    threads: dict[tuple[int, int], Thread]
    processes: dict[str, float]


def thread_times(pids: Mapping[str, int]) -> ThreadTimes:
    """Return what the threads of these processes and of their descendants have used so far."""
    found: dict[tuple[int, int], Thread] = {}
    family_of = families(pids.values())
    for name, root in pids.items():
        for pid in family_of[root]:
            for task in _tasks(pid):
                fields = stat_fields(task)
                if fields:
                    used = sum(map(int, fields[11:13])) * TICK_MS
                    found[pid, int(task.name)] = Thread(role_of(name), _label(task, pid, root), used)
    return ThreadTimes(found, cpu_ms(pids))


def cpu_by_thread(before: ThreadTimes, after: ThreadTimes, count: int) -> dict[str, list[Group]]:
    """Return for each process its groups of threads with their CPU per workflow in ms, the busiest first."""
    spent: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    numbers: dict[tuple[str, str], int] = defaultdict(int)
    for key, thread in after.threads.items():
        earlier = before.threads.get(key)
        spent[thread.role][thread.label] += thread.cpu_ms - (earlier.cpu_ms if earlier else 0.0)
        numbers[thread.role, thread.label] += 1
    seen = {role: sum(labels.values()) for role, labels in spent.items()}
    whole: dict[str, float] = defaultdict(float)
    for name, total in after.processes.items():
        used = total - before.processes.get(name, 0.0)
        whole[role_of(name)] += used if used >= 0 else total
    for role, used in whole.items():
        spent[role][_ENDED] += max(used - seen.get(role, 0.0), 0.0)
    return {
        role: sorted(
            (Group(label, numbers[role, label], used / max(count, 1)) for label, used in labels.items()),
            key=lambda group: -group.cpu_ms,
        )
        for role, labels in spent.items()
    }


def thread_table(groups: Mapping[str, list[Group]]) -> str:
    """Return the same as text: a line for each process and each group that matters."""
    lines = ["CPU per workflow by thread, ms:"]
    for role, rows in groups.items():
        whole = sum(row.cpu_ms for row in rows)
        lines.append(f"  {role:<36} {whole:8.3f}")
        for row in rows:
            if row.cpu_ms > whole * _SHOWN_SHARE:
                name = f"{row.label} x{row.number}" if row.number > 1 else row.label
                lines.append(f"    {name:<34} {row.cpu_ms:8.3f}  {row.cpu_ms / whole:4.0%}")
    return "\n".join(lines)


def _tasks(pid: int) -> list[Path]:
    try:
        return list((_PROC / str(pid) / "task").iterdir())
    except OSError:
        return []


def _label(task: Path, pid: int, root: int) -> str:
    """`main`, or the thread's name without its number; in a child process that process' title."""
    try:
        if pid != root:
            title = (_PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
            return _NUMBER.sub("", _CLIENT.sub("", title))[:34]
        if int(task.name) == pid:
            return "main"
        return _NUMBER.sub("", (task / "comm").read_text(encoding="utf-8", errors="replace").strip())
    except OSError:
        return _ENDED
