"""A line of output: every figure that INTERFACE promises first, then what helps to judge them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.plan import Run
from benchmarks.tally import Tally, percentile

# Not ours: the rest is what headrace itself uses.
SERVERS_AND_CLIENT = ("kafka", "postgres", "client")


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a measured time cost.

    Attributes:
        cpu_ms: what each process has used, workers together.
        peak_rss_mb: the largest resident memory of each process since it began.
        others_cores: how many cores everything else on this machine has used on average.
        seconds: how long it lasted.
    """

    cpu_ms: Mapping[str, float]
    peak_rss_mb: Mapping[str, float]
    others_cores: float
    seconds: float

    def cpu_ms_per(self, count: int) -> dict[str, float]:
        """Return the CPU of each process for each of `count` things, in ms."""
        return {name: round(used / max(count, 1), 3) for name, used in self.cpu_ms.items()}

    def ours_ms_per(self, count: int) -> float:
        """Return the CPU of all headrace processes together for each of `count` things, in ms."""
        ours = sum(used for name, used in self.cpu_ms.items() if name not in SERVERS_AND_CLIENT)
        return round(ours / max(count, 1), 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a workload has measured; what it does not measure is None.

    Attributes:
        count: how many workflows the CPU is divided by.
        tally: of the workflows whose speed counts.
        has_speed: whether workflows per second and latency say something.
        lost: over all workflows that were started, warm-up excluded.
        duplicated: the same.
        extra: further figures of this workload alone.
    """

    count: int
    tally: Tally
    usage: Usage
    raw_hops_per_second: float
    lost: int
    duplicated: int
    has_speed: bool = True
    bytes_per_open_workflow: float | None = None
    projection_lag_s: float | None = None
    extra: Mapping[str, Any]


def line(run: Run, found: Measured, circumstances: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figures of a run."""
    tally, raw = found.tally, found.raw_hops_per_second
    latencies = tally.latencies_ms() if found.has_speed else []
    seconds = tally.seconds()
    per_second = len(tally.ended) / seconds if found.has_speed and seconds > 0 else None
    return {
        "workload": run.name,
        "count": found.count,
        "program": run.program,
        "durability": run.durability,
        "workflows_per_second": rounded(per_second, 1),
        "p50_ms": rounded(percentile(latencies, 0.5), 2),
        "p95_ms": rounded(percentile(latencies, 0.95), 2),
        "p99_ms": rounded(percentile(latencies, 0.99), 2),
        "cpu_ms_per_workflow": found.usage.cpu_ms_per(found.count),
        "peak_rss_mb": dict(found.usage.peak_rss_mb),
        "raw_hops_per_second": round(raw),
        "hops_per_workflow": run.hops,
        "ratio_to_raw": rounded(per_second and per_second * run.hops / raw, 4),
        "lost": found.lost,
        "duplicated": found.duplicated,
        "recovery_s": rounded(tally.recovery_s, 3),
        "bytes_per_open_workflow": rounded(found.bytes_per_open_workflow, 0),
        "projection_lag_s": rounded(found.projection_lag_s, 3),
        "cpu_ms_headrace": found.usage.ours_ms_per(found.count),
        "in_flight": run.in_flight,
        "seconds": round(found.usage.seconds, 1),
        "cores_used_by_others": round(found.usage.others_cores, 2),
        **found.extra,
        **circumstances,
    }


def rounded(value: float | None, digits: int) -> float | None:
    """Round what there is."""
    return None if value is None else round(value, digits)
