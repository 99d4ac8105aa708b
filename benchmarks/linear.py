"""Linear cost: the same load while ever more workflows stand open, and a step of a long workflow against a short one's.

What this measures is told best by CPU: it says the same on a busy machine. The long workflow runs its steps one after
the other, and so do the short ones, each alone: both pay for waking up for every single record.
"""

from __future__ import annotations

from typing import Any

from benchmarks.bench import Bench
from benchmarks.figures import Measured, Usage, rounded
from benchmarks.load import Input
from benchmarks.plan import Run
from benchmarks.recovery import due_input, park
from benchmarks.tally import Tally
from benchmarks.usage import rss_bytes
from headrace.client.sending import now_ms

DECISION = "decision"
# A day: nothing falls due while we measure.
_PARKED_MS = 86_400_000
# Of the largest number of open workflows.
_LEVELS = (0.01, 0.1, 1.0)
LOAD = 5_000
SHORT_STEPS = 10
# The long workflow has so many steps for each parked one: 10,000 with the default of 100,000.
_STEPS_SHARE = 0.1


def measure(bench: Bench, run: Run) -> Measured:
    """Measure the steps first, while nothing is parked; then the load at each level."""
    raw = bench.raw_hops_per_second()
    bench.load(run.workflow, count=run.warm_up, in_flight=run.in_flight).run()
    tallies: list[Tally] = []
    steps = _steps(bench, run, tallies)
    levels, tally, usage = _levels(bench, run, tallies)
    rates = [level["workflows_per_second"] for level in levels]
    return Measured(
        count=len(tally.started),
        tally=tally,
        usage=usage,
        raw_hops_per_second=raw,
        lost=sum(each.lost - each.parked for each in tallies),
        duplicated=sum(each.duplicated for each in tallies),
        bytes_per_open_workflow=levels[-1]["bytes_per_open_workflow"],
        projection_lag_s=levels[-1]["projection_lag_s"],
        extra={
            "by_open_workflows": levels,
            "flatness": rounded(min(rates) / max(rates) if max(rates) else 0.0, 3),
            "decision_ms_per_step": steps,
        },
    )


def levels_of(most: int) -> list[int]:
    """Return how many workflows are open at each level."""
    return [max(round(most * share), 1) for share in _LEVELS]


def _levels(bench: Bench, run: Run, tallies: list[Tally]) -> tuple[list[dict[str, Any]], Tally, Usage]:
    found: list[dict[str, Any]] = []
    parked = 0
    empty_rss = _rss(bench)
    tally, usage = Tally(), Usage(cpu_ms={}, peak_rss_mb={}, others_cores=0.0, seconds=0.0)
    for level in levels_of(run.count):
        bench.say(f"{run.title}: {level} open workflows")
        tallies.append(_park(bench, run, level - parked))
        parked = level
        bytes_each = (_rss(bench) - empty_rss) / level
        with bench.look.during(f"{run.title}-{level}", bench.meter.pids, lambda: LOAD, bench.say):
            before = bench.meter.read()
            tally = bench.load(run.workflow, count=LOAD, in_flight=run.in_flight).run()
            lag_s = bench.projection_lag_s(tally)
            usage = bench.meter.since(before)
        tallies.append(tally)
        found.append(
            {
                "open": level,
                "workflows_per_second": round(len(tally.ended) / max(tally.seconds(), 1e-9), 1),
                "cpu_ms_headrace": usage.ours_ms_per(LOAD),
                "cpu_ms_decision": usage.cpu_ms_per(LOAD)[DECISION],
                "cpu_ms_status": usage.cpu_ms_per(LOAD)["status"],
                "cpu_ms_postgres": usage.cpu_ms_per(LOAD)["postgres"],
                "projection_lag_s": rounded(lag_s, 3),
                "bytes_per_open_workflow": round(bytes_each),
                "cores_used_by_others": round(usage.others_cores, 2),
            }
        )
    return found, tally, usage


def _park(bench: Bench, run: Run, count: int) -> Tally:
    workflow = f"bench_park_{run.program}"
    due_at = now_ms() + _PARKED_MS
    return park(bench, bench.load(workflow, count=count, in_flight=run.in_flight, input_of=due_input(due_at)))


def _steps(bench: Bench, run: Run, tallies: list[Tally]) -> dict[str, float]:
    """Return the decision service's CPU per step in ms: of short workflows, of a long one, and of its last tenth."""
    long = max(round(run.count * _STEPS_SHARE), SHORT_STEPS)
    workflow = f"bench_chain_{run.program}"
    bench.say(f"{run.title}: {long // 10} steps in workflows of {SHORT_STEPS}, then {long} in one")
    shorts = max(long // 10 // SHORT_STEPS, 1)
    before = bench.meter.read()
    short = bench.load(workflow, count=shorts, in_flight=1, input_of=steps_input(SHORT_STEPS)).run()
    short_usage = bench.meter.since(before)

    load = bench.load(workflow, count=1, in_flight=1, input_of=steps_input(long))
    before = last = bench.meter.read()
    tail_from = 0
    while load.step():
        if not tail_from and load.tally.steps >= long * 0.9:
            last, tail_from = bench.meter.read(), load.tally.steps
    long_usage, last_usage = bench.meter.since(before), bench.meter.since(last)
    tallies += [short, load.tally]
    return {
        f"in_{SHORT_STEPS}": short_usage.cpu_ms_per(short.steps)[DECISION],
        f"in_{long}": long_usage.cpu_ms_per(load.tally.steps)[DECISION],
        f"in_{long}_last_tenth": last_usage.cpu_ms_per(load.tally.steps - tail_from)[DECISION],
    }


def steps_input(steps: int) -> Input:
    """Return the input of workflows of so many steps."""
    return lambda _number: b'{"steps":%d}' % steps


def _rss(bench: Bench) -> int:
    return rss_bytes(bench.stack.pids()[DECISION])
