"""Many seeds, side by side."""

from __future__ import annotations

import multiprocessing
import sys
import time

from tests.simulation.run import SimulationFailed, simulate


def run_seeds(seeds: range, processes: int, *, digests: bool = False) -> int:
    """Run seeds, and print what failed as soon as it does; return 1 when one did."""
    began = time.monotonic()
    failed: list[int] = []
    runs = reigns = records = 0
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        for seed, failure, counts in pool.imap(run_seed, seeds, chunksize=4):
            if failure:
                failed.append(seed)
                print(failure, file=sys.stderr, flush=True)
                continue
            runs, reigns, records = runs + counts[0], reigns + counts[1], records + counts[2]
            if digests:
                print(seed, counts[3])
    took = time.monotonic() - began
    print(f"{len(seeds)} seeds from {seeds[0]}: {runs} runs, {reigns} reigns, {records} records, in {took:.0f} s")
    print(f"{len(failed)} failed: {failed}" if failed else "all clean")
    return 1 if failed else 0


def run_seed(seed: int) -> tuple[int, str, tuple[int, int, int, str]]:
    """Run one seed; return it, what failed, and its counts (runs, reigns, records) with its digest."""
    try:
        result = simulate(seed)
    except SimulationFailed as failure:
        return seed, str(failure), (0, 0, 0, "")
    return seed, "", (result.workflows, result.reigns, result.records, result.digest)
