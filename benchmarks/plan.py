"""What can be measured, and in which order."""

from __future__ import annotations

import sys
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

DURABILITIES = ("fsync", "page-cache")
PROGRAMS = ("graph", "python")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """How workflows are started.

    Attributes:
        kind: `load` keeps so many in flight; the others are measured by modules of these names.
        count: how many, unless somebody says otherwise. Of `recovery` and `linear`: how many are parked.
        seconds: if not 0, they are started for so long instead, however many that are.
        elsewhere_s: the same where the variant is not the default one.
        in_flight: how many may be open at once: 1 measures latency, many throughput.
        warm_up: how many run before the clock starts.
        workflow: the name of the workflow without its program.
        tasks: how many tasks each has.
        everywhere: measured in every variant, not only in the default one, when nobody chooses.
        own_stack: leaves a stack behind in which nothing else should be measured, or needs one that has done nothing.
    """

    kind: Literal["load", "recovery", "linear", "timers"] = "load"
    count: int
    seconds: float = 0.0
    elsewhere_s: float = 0.0
    in_flight: int
    warm_up: int
    workflow: str = "bench_steps"
    tasks: int = 3
    everywhere: bool = False
    own_stack: bool = False


WORKLOADS = {
    # Enough in flight that every service has a full batch at hand, and few enough that memory says little. A minute,
    # as what lags behind shows only after a while; the warm-up lets the broker's compiler finish.
    "throughput": Workload(count=0, seconds=60.0, elsewhere_s=20.0, in_flight=500, warm_up=5_000, everywhere=True),
    # One at a time: what a caller waits for on a system that is otherwise idle.
    "latency": Workload(count=500, in_flight=1, warm_up=200, everywhere=True),
    "fanout": Workload(count=50, in_flight=1, warm_up=10, workflow="bench_fanout", tasks=100),
    "recovery": Workload(
        # Few in flight: what a start takes is what its timer is late by.
        kind="recovery",
        count=100_000,
        in_flight=250,
        warm_up=2_000,
        workflow="bench_park",
        tasks=0,
        own_stack=True,
    ),
    "timers": Workload(
        kind="timers", count=10_000, in_flight=250, warm_up=2_000, workflow="bench_park", tasks=0, own_stack=True
    ),
    "linear": Workload(kind="linear", count=100_000, in_flight=500, warm_up=3_000, own_stack=True),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody asks for; None leaves the choice to us."""

    workloads: Collection[str] | None = None
    programs: Collection[str] | None = None
    durabilities: Collection[str] | None = None
    count: int | None = None
    seconds: float | None = None
    in_flight: int | None = None
    warm_up: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One line of output. It starts `count` workflows, or as many as it can in so many `seconds` if they are not 0."""

    name: str
    workload: Workload
    program: str
    durability: str
    count: int
    seconds: float
    in_flight: int
    warm_up: int

    @property
    def workflow(self) -> str:
        """The name of the definition."""
        return f"{self.workload.workflow}_{self.program}"

    @property
    def hops(self) -> int:
        """So many messages a workflow counts as, whatever it takes: the start, and four for each task."""
        return 1 + 4 * self.workload.tasks

    @property
    def limit(self) -> int:
        """How many workflows may be started at most."""
        return sys.maxsize if self.seconds else self.count

    @property
    def title(self) -> str:
        """For people and file names."""
        return f"{self.name}-{self.program}-{self.durability}"

    @property
    def stack(self) -> str:
        """Runs with the same text share a stack."""
        return self.title if self.workload.own_stack else self.durability


def chosen(wish: Wish) -> list[Run]:
    """Return the runs for what is asked for, the default variant (fsync, graph) first, those that share a stack
    together.
    """
    runs = [
        _run(name, workload, program, durability, wish)
        for durability in DURABILITIES
        if wish.durabilities is None or durability in wish.durabilities
        for program in PROGRAMS
        if wish.programs is None or program in wish.programs
        for name, workload in WORKLOADS.items()
        if _is_wanted(name, wish.workloads, is_default=_is_default(program, durability))
    ]
    first = {run.stack: number for number, run in reversed(list(enumerate(runs)))}
    return sorted(runs, key=lambda run: first[run.stack])


def _run(name: str, workload: Workload, program: str, durability: str, wish: Wish) -> Run:
    seconds = workload.seconds if _is_default(program, durability) else workload.elsewhere_s
    if workload.kind != "load" or wish.count is not None:
        seconds = 0.0
    elif wish.seconds is not None:
        seconds = wish.seconds
    return Run(
        name=name,
        workload=workload,
        program=program,
        durability=durability,
        count=workload.count if wish.count is None else wish.count,
        seconds=seconds,
        in_flight=workload.in_flight if wish.in_flight is None else wish.in_flight,
        # Who wants few of them wants it soon.
        warm_up=min(workload.warm_up, wish.count or workload.warm_up) if wish.warm_up is None else wish.warm_up,
    )


def _is_default(program: str, durability: str) -> bool:
    return (program, durability) == (PROGRAMS[0], DURABILITIES[0])


def _is_wanted(name: str, workloads: Collection[str] | None, *, is_default: bool) -> bool:
    return name in workloads if workloads is not None else is_default or WORKLOADS[name].everywhere
