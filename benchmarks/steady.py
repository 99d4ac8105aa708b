"""Throughput, latency and fan-out: so many workflows in flight, and what came of it."""

from __future__ import annotations

from benchmarks.bench import Bench
from benchmarks.figures import Measured
from benchmarks.plan import Run


def measure(bench: Bench, run: Run) -> Measured:
    """Run the load after its warm-up."""
    raw = bench.raw_hops_per_second()
    bench.load(run.workflow, count=run.warm_up, in_flight=run.in_flight).run()
    load = bench.load(run.workflow, count=run.limit, seconds=run.seconds, in_flight=run.in_flight)
    tally = load.tally
    with bench.look.during(run.title, bench.meter.pids, lambda: len(tally.started), bench.say):
        before = bench.meter.read()
        load.run()
        # CPU is counted until the read model has caught up: what is still to do belongs to these workflows, too.
        lag_s = bench.projection_lag_s(tally)
        usage = bench.meter.since(before)
    return Measured(
        count=len(tally.started),
        tally=tally,
        usage=usage,
        raw_hops_per_second=max(raw, bench.raw_hops_per_second()),
        lost=tally.lost,
        duplicated=tally.duplicated,
        projection_lag_s=lag_s,
        extra={},
    )
