"""Recovery: many workflows parked on a timer, the decision service killed, and how long until the last has answered.

All timers fall due half a second after the kill (and a little later: each by the time that its start took), while
nobody is there to see it. So each workflow answers as soon as the new process has restored its shard, caught up, and
decided: its timer fires, its program goes on and ends with its output. Nothing is sent to it, so no client's pace is in
the figure; and nothing can answer that was not restored.
"""

from __future__ import annotations

import os
import signal
import time

from benchmarks.bench import Bench
from benchmarks.figures import Measured
from benchmarks.load import Input, Load
from benchmarks.meter import Reading
from benchmarks.plan import Run
from benchmarks.tally import Tally
from benchmarks.usage import rss_bytes, thread_count
from headrace.client.sending import now_ms

KILLED = "decision"
# Room for parking to be slower than in the warm-up: so much longer, and a while for the services to come to rest.
_SLACK = 2.0
_REST_S = 15.0
_WARM_UP_S = 5.0
# The kill comes so long before the timers are due.
_BEFORE_S = 0.5
_SETTLE_S = 3.0


class TooSlow(Exception):
    """The timers fell due before everything was parked; the text says what to do."""


def measure(bench: Bench, run: Run) -> Measured:
    """Park, kill, and wait for the last answer.

    Raises:
        TooSlow: parking took much longer than the warm-up had promised.
    """
    raw = bench.raw_hops_per_second()
    rate = parking_rate(bench, run)
    due_at = now_ms() + round((run.count / rate * _SLACK + _REST_S) * 1000)
    bench.say(f"parking {run.count} workflows for {(due_at - now_ms()) / 1000:.0f} s")
    before_rss = _rss(bench)
    load = bench.load(run.workflow, count=run.count, in_flight=run.in_flight, input_of=due_input(due_at))
    parked_s = _park(bench, load, due_at, run.count)
    bytes_each = (_rss(bench) - before_rss) / run.count
    before = _kill(bench, load, due_at)
    # Looked at is the successor, not the one that is dead.
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
        bytes_per_open_workflow=bytes_each,
        projection_lag_s=lag_s,
        extra={
            "answered_by": "timer",
            "caught_up_s": tally.caught_up_s and round(tally.caught_up_s, 3),
            "last_due_s": round(tally.last_due_s, 3),
            "parked_per_second": round(run.count / parked_s, 1),
            "rss_mb_after_recovery": round(_rss(bench) / 1024**2, 1),
        },
    )


def due_input(due_at: int) -> Input:
    """Return the input of workflows that wait until then, in ms since the epoch.

    A plain duration, as most sleeps are: what a program computes, it computes again when it is rebuilt.
    """
    return lambda _number: b'{"pause":"%dms"}' % max(due_at - now_ms(), 1)


def park(bench: Bench, load: Load) -> Tally:
    """Start all, wait until each waits for its timer and the read model knows it, and let the processes settle."""
    load.run()
    bench.await_projection(load.tally)
    settled_at = time.monotonic() + _SETTLE_S
    while time.monotonic() < settled_at:
        load.take_in(100)
    return load.tally


def parking_rate(bench: Bench, run: Run) -> float:
    """Return how many a second can be parked. The first ones fill what the processes keep whatever comes, too."""
    due_at = now_ms() + round(_WARM_UP_S * 1000)
    began = time.perf_counter()
    count = max(run.warm_up, 1)
    load = bench.load(run.workflow, count=count, in_flight=run.in_flight, input_of=due_input(due_at))
    load.run()
    rate = count / (time.perf_counter() - began)
    load.run_to_the_last_end()
    return rate


def _park(bench: Bench, load: Load, due_at: int, count: int) -> float:
    """Return how long it took, in seconds."""
    began = time.perf_counter()
    load.run()
    seconds = time.perf_counter() - began
    park(bench, load)
    if now_ms() > due_at - _BEFORE_S * 1000 or load.tally.parked < count:
        raise TooSlow(
            f"Expected {count} workflows to be parked before their timers fall due, but {load.tally.parked} were after "
            f"{seconds:.0f} s. Run it on a machine that has nothing else to do, or with a smaller --count"
        )
    return seconds


def _kill(bench: Bench, load: Load, due_at: int) -> Reading:
    """Kill the decision service at its time, and return when another one runs: what was used before."""
    while now_ms() < due_at - _BEFORE_S * 1000:
        load.take_in(20)
    before = bench.meter.read()
    pid = bench.stack.pids()[KILLED]
    load.tally.disturb(time.perf_counter(), now_ms())
    os.kill(pid, signal.SIGKILL)
    # One that has threads has been loaded, and talks to Kafka: earlier there is nothing of it to look at.
    while (new := bench.stack.pids()[KILLED]) == pid or thread_count(new) < 2:
        load.take_in(20)
    return before


def _rss(bench: Bench) -> int:
    return rss_bytes(bench.stack.pids()[KILLED])
