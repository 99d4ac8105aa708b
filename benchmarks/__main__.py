"""`python -m benchmarks`, and `headrace bench`: one JSON line per workload, the default first."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.look import Look
from benchmarks.plan import DURABILITIES, PROGRAMS, WORKLOADS, chosen
from benchmarks.profile import ProfilerMissing, find_profiler
from benchmarks.runs import run_bench


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is asked for; without arguments every workload in every variant."""
    parser = argparse.ArgumentParser(
        prog="headrace bench", description="Measures whole headraces; one JSON line per workload."
    )
    parser.add_argument("--workload", choices=WORKLOADS, action="append", help="[default: all]")
    parser.add_argument("--program", choices=PROGRAMS, action="append", help="[default: all]")
    parser.add_argument("--durability", choices=DURABILITIES, action="append", help="[default: all]")
    parser.add_argument("--count", type=int, help="workflows per workload [default: each workload's own]")
    parser.add_argument("--threads", action="store_true", help="show the CPU of each process by thread, on stderr")
    parser.add_argument(
        "--profile", type=Path, metavar="DIR", help="write a CPU profile of each service into this folder; needs py-spy"
    )
    options = parser.parse_args(arguments)
    if options.count is not None and options.count < 1:
        parser.error(f"Expected --count from 1 on, but found {options.count}")
    runs = chosen(options.workload, options.program, options.durability, options.count)
    try:
        profiler = find_profiler() if options.profile else ""
    except ProfilerMissing as error:
        parser.error(str(error))
    look = Look(threads=options.threads, profile=options.profile and options.profile.absolute(), profiler=profiler)
    for line in run_bench(runs, look, say=lambda text: print(text, file=sys.stderr, flush=True)):
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
