"""`python -m benchmarks`, and `headrace bench`: one JSON line per workload, the default first."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.compare import NotComparable, comparison, read_lines
from benchmarks.look import Look
from benchmarks.plan import DURABILITIES, PROGRAMS, WORKLOADS, Wish, chosen
from benchmarks.profile import ProfilerMissing, find_profiler
from benchmarks.runs import run_bench


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is asked for; without arguments every workload, and the first two in every variant."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        profiler = find_profiler() if options.profile else ""
        earlier = read_lines(options.compare) if options.compare else None
    except (ProfilerMissing, NotComparable) as error:
        parser.error(str(error))
    wish = Wish(
        workloads=options.workload,
        programs=options.program,
        durabilities=options.durability,
        count=options.count,
        seconds=options.seconds,
        in_flight=options.in_flight,
        warm_up=options.warm_up,
    )
    look = Look(threads=options.threads, profile=options.profile and options.profile.absolute(), profiler=profiler)
    runs = chosen(wish)
    wrong = len(runs)
    for line in run_bench(runs, look, say=_say):
        print(json.dumps(line), flush=True)
        if line["lost"] or line["duplicated"]:
            _say(f"Expected nothing lost and nothing twice, but {line['lost']} lost and {line['duplicated']} twice")
        else:
            wrong -= 1
        if earlier is not None:
            _say(comparison(line, earlier))
    if wrong:
        sys.exit(1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="headrace bench", description="Measures whole headraces; one JSON line per workload."
    )
    add = parser.add_argument
    add("--workload", choices=WORKLOADS, action="append", help="[default: all]")
    add("--program", choices=PROGRAMS, action="append", help="[default: all]")
    add("--durability", choices=DURABILITIES, action="append", help="[default: all]")
    add("--count", type=_from(1), help="workflows per workload [default: each workload's own]")
    add("--seconds", type=float, help="start workflows for so long instead, as many as go")
    add("--in-flight", type=_from(1), help="how many may be open at once [default: each workload's own]")
    add("--warm-up", type=_from(0), help="how many run before the clock starts [default: each workload's own]")
    add("--threads", action="store_true", help="show the CPU of each process by thread, on stderr")
    add("--profile", type=Path, metavar="DIR", help="write a CPU profile of each service into this folder; with py-spy")
    add("--compare", type=Path, metavar="FILE", help="set each line beside the same one of an earlier run, on stderr")
    return parser


def _from(least: int) -> Callable[[str], int]:
    """Return what makes argparse take a whole number from here on."""

    def number(text: str) -> int:
        found = int(text)
        if found < least:
            raise argparse.ArgumentTypeError(f"Expected a number from {least} on, but found {found}")
        return found

    return number


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
