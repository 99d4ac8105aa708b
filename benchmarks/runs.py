"""Runs workloads on stacks of their own, and makes a line of figures of each."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from benchmarks.load import run_load
from benchmarks.look import Look
from benchmarks.plan import Run
from benchmarks.raw import raw_hops_per_second
from benchmarks.tally import Tally, percentile
from benchmarks.usage import cpu_ms, cpu_since, peak_rss_mb, role_of
from benchmarks.watch import JournalWatch
from headrace import Client
from headrace.client.errors import ClientError
from headrace.client.sending import CommandSender
from headrace.local.dev_child import DevStack, running_dev

CHECKOUT = Path(__file__).resolve().parents[1]
WARM_UP = 100
# Tasks that do nothing: what a worker can hold should not be the limit.
SLOTS = 100
_PROJECTION_S = 120.0
_PAUSE_S = 0.005


def run_bench(runs: Sequence[Run], look: Look, say: Callable[[str], None]) -> Iterator[dict[str, Any]]:
    """Yield one line for each run. Every durability gets a stack of its own, in a folder that is removed after it."""
    os.chdir(CHECKOUT)  # `python -m` finds the app here
    for durability, group in groupby(runs, key=lambda run: run.durability):
        with tempfile.TemporaryDirectory(prefix="headrace-bench-") as folder:
            say(f"starting a stack ({durability}) in {folder}")
            environment = {"HEADRACE_LOCAL_DURABILITY": durability}
            apps = ("benchmarks.app", "benchmarks/steps.yaml", "benchmarks/fanout.yaml")
            with running_dev(Path(folder), apps=apps, slots=SLOTS, environment=environment, say=say) as stack:
                yield from _run_all(stack, list(group), look, say)


def _run_all(stack: DevStack, runs: list[Run], look: Look, say: Callable[[str], None]) -> Iterator[dict[str, Any]]:
    settings = stack.settings()
    sender = CommandSender(settings, timeout_s=30.0)
    sender.publisher.start_polling()
    watch = JournalWatch(settings)
    try:
        for run in runs:
            say(f"{run.name}, {run.program}, {run.durability}: {run.count} workflows")
            yield _run(stack, run, sender, watch, look, say)
    finally:
        watch.close()
        sender.publisher.close()


def _run(
    stack: DevStack,
    run: Run,
    sender: CommandSender,
    watch: JournalWatch,
    look: Look,
    say: Callable[[str], None],
) -> dict[str, Any]:
    settings = stack.settings()
    workload = run.workload
    raw = raw_hops_per_second(settings)
    run_load(sender, watch, run.workflow, count=min(WARM_UP, run.count), in_flight=workload.in_flight)

    def pids() -> dict[str, int]:
        return {**stack.pids(), "client": os.getpid()}  # what was killed has another one

    with look.during(f"{run.name}-{run.program}-{run.durability}", pids, run.count, say):
        before = cpu_ms(pids())
        tally = run_load(
            sender,
            watch,
            run.workflow,
            count=run.count,
            in_flight=workload.in_flight,
            halfway=(lambda: os.kill(stack.pids()[workload.kills], signal.SIGKILL)) if workload.kills else None,
        )
        # CPU is counted until the read model has caught up: what is still to do belongs to these workflows, too.
        lag_s = _projection_lag_s(stack, tally)
        after = cpu_ms(pids())
    return line(run, tally, raw, cpu_since(before, after, run.count), _peaks(peak_rss_mb(pids())), lag_s)


def line(
    run: Run,
    tally: Tally,
    raw: float,
    cpu: Mapping[str, float],
    peaks: Mapping[str, float],
    lag_s: float | None,
) -> dict[str, Any]:
    """Return the figures of a run; what the workload does not measure is null."""
    latencies = tally.latencies_ms()
    seconds = tally.seconds()
    per_second = len(tally.ended) / seconds if seconds > 0 else 0.0
    return {
        "workload": run.name,
        "count": run.count,
        "program": run.program,
        "durability": run.durability,
        "workflows_per_second": round(per_second, 1),
        "p50_ms": _rounded(percentile(latencies, 0.5), 2),
        "p95_ms": _rounded(percentile(latencies, 0.95), 2),
        "p99_ms": _rounded(percentile(latencies, 0.99), 2),
        "cpu_ms_per_workflow": dict(cpu),
        "peak_rss_mb": dict(peaks),
        "raw_hops_per_second": round(raw),
        "hops_per_workflow": run.hops,
        "ratio_to_raw": round(per_second * run.hops / raw, 4),
        "lost": tally.lost,
        "duplicated": tally.duplicated,
        "recovery_s": _rounded(tally.recovery_s, 3),
        "bytes_per_open_workflow": None,
        "projection_lag_s": _rounded(lag_s, 3),
    }


def _projection_lag_s(stack: DevStack, tally: Tally) -> float | None:
    """Return how long after the last final event the read model shows the workflows that ended last; None: too long.

    The last of each shard would do; the last few dozen are on every shard.
    """
    last = sorted(tally.ended, key=tally.ended.__getitem__)[-32:]
    if not last:
        return None
    deadline = time.monotonic() + _PROJECTION_S
    with Client(stack.settings()) as client:
        for workflow_id in last:
            while not _has_ended(client, workflow_id):
                if time.monotonic() > deadline:
                    return None
                time.sleep(_PAUSE_S)
    return max(time.perf_counter() - tally.ended[last[-1]], 0.0)


def _has_ended(client: Client, workflow_id: str) -> bool:
    try:
        return bool(client.get(workflow_id)["status"] != "RUNNING")
    except ClientError:
        return False


def _peaks(peaks: Mapping[str, float]) -> dict[str, float]:
    """Of several workers, the largest."""
    found: dict[str, float] = {}
    for name, peak in peaks.items():
        found[role_of(name)] = max(found.get(role_of(name), 0.0), peak)
    return found


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
