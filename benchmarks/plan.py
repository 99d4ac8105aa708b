"""What can be measured, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

DURABILITIES = ("fsync", "page-cache")
PROGRAMS = ("graph", "python")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """How workflows are started. `in_flight` is how many may be open at once: 1 measures latency, many throughput."""

    count: int
    in_flight: int


WORKLOADS = {
    # Enough in flight that every service has a full batch at hand, and few enough that memory says little.
    "throughput": Workload(count=2000, in_flight=500),
    # One at a time: what a caller waits for on a system that is otherwise idle.
    "latency": Workload(count=300, in_flight=1),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One line of output."""

    workload: str
    program: str
    durability: str
    count: int
    in_flight: int


def chosen(
    workloads: Sequence[str] | None,
    programs: Sequence[str] | None,
    durabilities: Sequence[str] | None,
    count: int | None,
) -> list[Run]:
    """Return the runs for what is asked for, the default variant (fsync, graph) first; None asks for all."""
    return [
        Run(
            workload=name,
            program=program,
            durability=durability,
            count=count or workload.count,
            in_flight=workload.in_flight,
        )
        for durability in DURABILITIES
        if durabilities is None or durability in durabilities
        for program in PROGRAMS
        if programs is None or program in programs
        for name, workload in WORKLOADS.items()
        if workloads is None or name in workloads
    ]
