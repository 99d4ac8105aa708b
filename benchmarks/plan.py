"""What can be measured, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

DURABILITIES = ("fsync", "page-cache")
PROGRAMS = ("graph", "python")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """How workflows are started.

    Attributes:
        count: how many, unless somebody says otherwise.
        in_flight: how many may be open at once: 1 measures latency, many throughput.
        workflow: the name of the workflow without its program.
        tasks: how many tasks each has.
        kills: the process that is killed when half of them have ended; empty: none.
        everywhere: measured in every variant, not only in the default one, when nobody chooses.
    """

    count: int
    in_flight: int
    workflow: str = "bench_steps"
    tasks: int = 3
    kills: str = ""
    everywhere: bool = False


WORKLOADS = {
    # Enough in flight that every service has a full batch at hand, and few enough that memory says little.
    "throughput": Workload(count=2000, in_flight=500, everywhere=True),
    # One at a time: what a caller waits for on a system that is otherwise idle.
    "latency": Workload(count=300, in_flight=1, everywhere=True),
    "fanout": Workload(count=20, in_flight=1, workflow="bench_fanout", tasks=100),
    # Enough that work waits while the service is away.
    "recovery": Workload(count=2000, in_flight=500, kills="decision"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One line of output."""

    name: str
    workload: Workload
    program: str
    durability: str
    count: int

    @property
    def workflow(self) -> str:
        """The name of the definition."""
        return f"{self.workload.workflow}_{self.program}"

    @property
    def hops(self) -> int:
        """So many messages a workflow counts as, whatever it takes: the start, and four for each task."""
        return 1 + 4 * self.workload.tasks


def chosen(
    workloads: Sequence[str] | None,
    programs: Sequence[str] | None,
    durabilities: Sequence[str] | None,
    count: int | None,
) -> list[Run]:
    """Return the runs for what is asked for, the default variant (fsync, graph) first; None leaves the choice to us."""
    return [
        Run(name=name, workload=workload, program=program, durability=durability, count=count or workload.count)
        for durability in durabilities_of(durabilities)
        for program in PROGRAMS
        if programs is None or program in programs
        for name, workload in WORKLOADS.items()
        if _is_wanted(name, workloads, default=(program, durability) == (PROGRAMS[0], DURABILITIES[0]))
    ]


def durabilities_of(wanted: Sequence[str] | None) -> list[str]:
    """Return the durabilities that are asked for, in order."""
    return [durability for durability in DURABILITIES if wanted is None or durability in wanted]


def _is_wanted(name: str, workloads: Sequence[str] | None, *, default: bool) -> bool:
    return name in workloads if workloads is not None else default or WORKLOADS[name].everywhere
