"""`make chaos`: every scenario, or those that are named, with as many workflows as wanted."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.scenarios import SCENARIOS, SHORT, run_scenario

EVERY = {**SCENARIOS, "short": SHORT}


def main(arguments: list[str]) -> int:
    """Run scenarios; 1 when something was wrong."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--count", type=int, default=None, help="workflows of each scenario, at least")
    parser.add_argument("--only", default="", help=f"some of {', '.join(EVERY)}, separated by commas")
    parser.add_argument("--keep", type=Path, default=None, help="a folder where data and logs stay afterwards")
    options = parser.parse_args(arguments)
    names = [name for name in options.only.split(",") if name] or list(SCENARIOS)
    unknown = [name for name in names if name not in EVERY]
    if unknown:
        parser.error(f"Expected scenarios among {', '.join(EVERY)}, but found {', '.join(unknown)}")
    failed = False
    for name in names:
        began = time.monotonic()
        _say(f"== {name}")
        with tempfile.TemporaryDirectory(prefix="headrace-chaos-") as removed:
            folder = options.keep / name if options.keep else Path(removed)
            _, problems = run_scenario(EVERY[name], folder, _say, options.count)
        for problem in problems:
            _say(f"PROBLEM: {problem}")
        _say(f"== {name}: {'FAILED' if problems else 'nothing lost'} ({time.monotonic() - began:.0f} s)")
        failed |= bool(problems)
    return int(failed)


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201  a command


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
