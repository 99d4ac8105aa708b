"""Runs workloads on stacks of their own, and makes a line of figures of each."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any

from benchmarks import linear, recovery, steady, timers
from benchmarks.bench import Bench, running_bench
from benchmarks.figures import Measured, line
from benchmarks.look import Look
from benchmarks.plan import Run
from benchmarks.recovery import TooSlow
from benchmarks.stack import bench_stack, circumstances, recorded_settings

MEASURES: dict[str, Callable[[Bench, Run], Measured]] = {
    "load": steady.measure,
    "recovery": recovery.measure,
    "linear": linear.measure,
    "timers": timers.measure,
}


def run_bench(runs: Sequence[Run], look: Look, say: Callable[[str], None]) -> Iterator[dict[str, Any]]:
    """Yield one line for each run that could be measured; what could not is said."""
    for (durability, _), group in groupby(runs, key=lambda run: (run.durability, run.stack)):
        with bench_stack(durability, say) as stack:
            told = circumstances(recorded_settings(stack.settings()), os.environ)
            if look.disturbs:
                told = {**told, "profiled": True}
            for run in group:
                say(f"{run.title}: {f'{run.seconds:g} s' if run.seconds else f'{run.count} workflows'}")
                try:
                    with running_bench(stack, look, say, is_prompt=run.in_flight == 1) as bench:
                        yield line(run, MEASURES[run.workload.kind](bench, run), told)
                except TooSlow as error:
                    say(f"{run.title}: {error}")
