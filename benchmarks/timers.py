"""Timers: many workflows parked on timers that fall due within one second, and how long until the last has answered.

`recovery_s` is from the first of these times to the last answer; `last_due_s` is when the last timer was due.
"""

from __future__ import annotations

import time

from benchmarks.bench import Bench
from benchmarks.figures import Measured
from benchmarks.plan import Run
from benchmarks.recovery import TooSlow, due_input, park, parking_rate
from headrace.client.sending import now_ms

# Room for parking to be slower than in the warm-up, and a while for the services to come to rest.
_SLACK = 2.0
_REST_S = 10.0


def measure(bench: Bench, run: Run) -> Measured:
    """Park, wait for the time, and for the last answer.

    Raises:
        TooSlow: parking took much longer than the warm-up had promised.
    """
    raw = bench.raw_hops_per_second()
    due_at = now_ms() + round((run.count / parking_rate(bench, run) * _SLACK + _REST_S) * 1000)
    load = bench.load(run.workflow, count=run.count, in_flight=run.in_flight, input_of=due_input(due_at))
    park(bench, load)
    if now_ms() > due_at or load.tally.parked < run.count:
        raise TooSlow(
            f"Expected {run.count} workflows to be parked before their timers fall due, but {load.tally.parked} were. "
            "Run it on a machine that has nothing else to do, or with a smaller --count"
        )
    while now_ms() < due_at:
        load.take_in(20)
    before = bench.meter.read()
    load.tally.disturb(time.perf_counter(), now_ms())
    with bench.look.during(run.title, bench.meter.pids, lambda: run.count, bench.say):
        load.run_to_the_last_end()
        lag_s = bench.projection_lag_s(load.tally)
        usage = bench.meter.since(before)
    tally = load.tally
    return Measured(
        count=run.count,
        tally=tally,
        usage=usage,
        raw_hops_per_second=raw,
        lost=tally.lost,
        duplicated=tally.duplicated,
        has_speed=False,
        projection_lag_s=lag_s,
        extra={"last_due_s": round(tally.last_due_s, 3)},
    )
