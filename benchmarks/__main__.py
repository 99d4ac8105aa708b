"""`python -m benchmarks`, and `headrace bench`: one JSON line per workload, the default first."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from benchmarks.plan import DURABILITIES, PROGRAMS, WORKLOADS, chosen
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
    options = parser.parse_args(arguments)
    if options.count is not None and options.count < 1:
        parser.error(f"Expected --count from 1 on, but found {options.count}")
    runs = chosen(options.workload, options.program, options.durability, options.count)
    for line in run_bench(runs, say=lambda text: print(text, file=sys.stderr, flush=True)):
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
