"""Run seeds: `python -m tests.simulation --seeds 1000`, or one of them with its log: `--seed 17`."""

from __future__ import annotations

import argparse
import os
import sys
import time

from tests.simulation.run import SimulationFailed, simulate
from tests.simulation.seeds import run_seeds


def main() -> int:
    """Run what the arguments say; 1 when a seed failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="how many")
    parser.add_argument("--first", type=int, default=None, help="the first of them; by default a fresh one")
    parser.add_argument("--seed", type=int, default=None, help="only this one, with its log")
    parser.add_argument("--digests", action="store_true", help="print the digest of each seed's journals")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    if given.seed is not None:
        return _one(given.seed)
    first = given.first if given.first is not None else int(time.time()) % 1_000_000 * 1_000
    return run_seeds(range(first, first + given.seeds), given.processes, digests=given.digests)


def _one(seed: int) -> int:
    try:
        result = simulate(seed)
    except SimulationFailed as failure:
        print(failure)
        return 1
    print("\n".join(result.lines))
    print(f"seed {seed} is clean: {result.workflows} runs, {result.reigns} reigns, {result.records} records")
    return 0


if __name__ == "__main__":
    sys.exit(main())
