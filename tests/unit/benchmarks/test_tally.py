"""The benchmarks' own arithmetic: what is lost, what came twice, which percentile."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from benchmarks.figures import Measured, Usage, line
from benchmarks.plan import DURABILITIES, PROGRAMS, WORKLOADS, Run, Wish, chosen
from benchmarks.raw import RECORD_BYTES, record_value
from benchmarks.runs import MEASURES
from benchmarks.tally import Tally, percentile
from benchmarks.usage import cpu_ms, cpu_used, peak_rss_mb
from headrace.contracts.codec import Codec
from headrace.contracts.task_events import TaskSucceeded
from headrace.contracts.timer_events import TimerStarted
from headrace.contracts.workflow_events import WorkflowFailed, WorkflowStarted, WorkflowSucceeded

FIELDS = [
    "workload",
    "count",
    "program",
    "durability",
    "workflows_per_second",
    "p50_ms",
    "p95_ms",
    "p99_ms",
    "cpu_ms_per_workflow",
    "peak_rss_mb",
    "raw_hops_per_second",
    "hops_per_workflow",
    "ratio_to_raw",
    "lost",
    "duplicated",
    "recovery_s",
    "bytes_per_open_workflow",
    "projection_lag_s",
]


def started(workflow_id: str) -> WorkflowStarted:
    return WorkflowStarted(
        workflow_id=workflow_id, run_id="r", name="n", version="v", program="graph", input=b"1", at=1
    )


def step(workflow_id: str, number: int) -> TaskSucceeded:
    return TaskSucceeded(
        workflow_id=workflow_id,
        run_id="r",
        step=number,
        attempt=1,
        node="n",
        task="t",
        queue="q",
        output=b"1",
        assignment=1,
        worker="w",
        started_at=1,
        ended_at=1,
        at=1,
    )


def parked(workflow_id: str) -> TimerStarted:
    return TimerStarted(workflow_id=workflow_id, run_id="r", step=0, node="n", due_at=1_500, at=1)


def succeeded(workflow_id: str) -> WorkflowSucceeded:
    return WorkflowSucceeded(workflow_id=workflow_id, run_id="r", output=b"1", at=1)


def tally_of(*ids: str) -> Tally:
    tally = Tally()
    for number, workflow_id in enumerate(ids):
        tally.start(workflow_id, float(number))
    return tally


def test_a_clean_run_loses_and_doubles_nothing() -> None:
    tally = tally_of("a", "b")
    assert tally.see([started("a"), step("a", 1), step("a", 2), started("b")], 2.0) == []
    assert tally.in_flight == 2
    assert tally.see([succeeded("a"), succeeded("b")], 5.0) == ["a", "b"]
    assert (tally.lost, tally.duplicated, tally.in_flight) == (0, 0, 0)
    assert tally.latencies_ms() == [4000.0, 5000.0]
    assert tally.seconds() == 5.0


def test_what_does_not_end_or_fails_is_lost() -> None:
    tally = tally_of("a", "b", "c")
    tally.see([succeeded("a"), WorkflowFailed(workflow_id="b", run_id="r", error="E", at=1)], 4.0)
    assert tally.lost == 2
    assert tally.in_flight == 1


@pytest.mark.parametrize("twice", [started("a"), step("a", 1), succeeded("a")])
def test_what_comes_twice_is_counted_and_changes_no_latency(twice: Any) -> None:
    tally = tally_of("a")
    tally.see([started("a"), step("a", 1), succeeded("a")], 1.0)
    assert tally.see([twice], 9.0) == []
    assert tally.duplicated == 1
    assert tally.latencies_ms() == [1000.0]


def test_workflows_of_another_run_do_not_count() -> None:
    tally = tally_of("a")
    assert tally.see([started("x"), started("x"), succeeded("x")], 1.0) == []
    assert (tally.lost, tally.duplicated) == (1, 0)


@pytest.mark.parametrize(
    ("values", "share", "found"),
    [([], 0.5, None), ([3.0], 0.99, 3.0), ([1.0, 2.0], 0.5, 1.0), ([float(n) for n in range(1, 101)], 0.95, 95.0)],
)
def test_percentiles_are_values_that_occurred(values: list[float], share: float, found: float | None) -> None:
    assert percentile(values, share) == found


def only(**wish: Any) -> Run:
    (run,) = chosen(Wish(**{"workloads": ["throughput"], "programs": ["graph"], "durabilities": ["fsync"]} | wish))
    return run


def test_the_default_variant_comes_first_and_everything_is_there_once() -> None:
    runs = chosen(Wish())
    assert (runs[0].name, runs[0].program, runs[0].durability) == ("throughput", "graph", "fsync")
    variants = {(run.name, run.program, run.durability) for run in runs}
    assert len(variants) == len(runs)
    assert {(name, "graph", "fsync") for name in WORKLOADS} <= variants
    everywhere = [name for name, workload in WORKLOADS.items() if workload.everywhere]
    assert {(n, p, d) for n in everywhere for p in PROGRAMS for d in DURABILITIES} <= variants


def test_runs_that_share_a_stack_come_together_and_some_share_none() -> None:
    stacks = [run.stack for run in chosen(Wish())]
    assert stacks == sorted(stacks, key=stacks.index)
    assert all(stacks.count(run.stack) == 1 for run in chosen(Wish()) if run.workload.own_stack)


def test_every_kind_of_workload_can_be_measured() -> None:
    assert {workload.kind for workload in WORKLOADS.values()} == set(MEASURES)


def test_a_workflow_of_three_tasks_counts_as_thirteen_hops() -> None:
    assert [only(workloads=[name]).hops for name in ("throughput", "fanout")] == [13, 401]


def test_a_load_lasts_for_a_time_or_a_number() -> None:
    assert (only().seconds, only().limit) == (60.0, sys.maxsize)
    assert (only(seconds=5.0).seconds, only(seconds=5.0, count=9).seconds) == (5.0, 0.0)
    assert (only(count=9).limit, only(count=9).warm_up) == (9, 9)
    assert only(count=9, warm_up=20, in_flight=3).warm_up == 20
    # Parking has a number whatever the time.
    assert only(workloads=["recovery"], seconds=5.0).limit == WORKLOADS["recovery"].count


def test_recovery_lasts_until_the_last_one_answers() -> None:
    tally = tally_of("a", "b", "c")
    assert tally.recovery_s is None
    tally.see([started("a"), parked("a"), started("b"), parked("b")], 1.0, (0, 5))
    tally.see([started("c"), parked("c")], 1.0, (1, 7))
    assert (tally.parked, tally.in_flight, tally.open) == (3, 0, 3)
    tally.disturb(2.0, 1_000)
    tally.see([succeeded("a")], 3.0, (0, 5))  # written before, read after
    assert tally.caught_up_s is None
    tally.see([succeeded("b")], 4.0, (0, 9))
    assert tally.parked == 1
    assert [tally.caught_up_s, tally.recovery_s] == [None, None]
    tally.see([step("c", 1)], 5.0, (1, 9))
    tally.see([succeeded("c")], 8.0, (1, 9))
    assert [tally.caught_up_s, tally.recovery_s] == [3.0, 6.0]
    assert (tally.parked, tally.last_due_s) == (0, 0.5)


def test_a_choice_leaves_out_the_rest() -> None:
    (run,) = chosen(Wish(workloads=["latency"], programs=["python"], durabilities=["page-cache"], count=7))
    assert (run.name, run.program, run.durability, run.count) == ("latency", "python", "page-cache", 7)
    assert run.workflow == "bench_steps_python"


def measured(tally: Tally, *, has_speed: bool = True) -> Measured:
    usage = Usage(
        cpu_ms={"decision": 1.0, "status": 3.0, "kafka": 9.0, "client": 9.0},
        peak_rss_mb={"decision": 80.0},
        others_cores=0.254,
        seconds=3.0,
    )
    return Measured(
        count=2,
        tally=tally,
        usage=usage,
        raw_hops_per_second=1300.0,
        lost=tally.lost,
        duplicated=tally.duplicated,
        has_speed=has_speed,
        projection_lag_s=0.1,
        extra={"more": 1},
    )


def test_a_line_has_every_promised_field_first() -> None:
    tally = tally_of("a", "b")
    tally.see([succeeded("a"), succeeded("b")], 2.0)
    found = line(only(count=2), measured(tally), {"settings": {}})
    assert list(found)[: len(FIELDS)] == FIELDS
    assert found["workflows_per_second"] == 1.0
    assert found["ratio_to_raw"] == 0.01
    assert found["cpu_ms_per_workflow"] == {"decision": 0.5, "status": 1.5, "kafka": 4.5, "client": 4.5}
    assert found["cpu_ms_headrace"] == 2.0
    assert (found["more"], found["settings"], found["cores_used_by_others"]) == (1, {}, 0.25)


@pytest.mark.parametrize("has_speed", [True, False])
def test_what_is_not_measured_is_null(has_speed: bool) -> None:
    found = line(only(), measured(tally_of(), has_speed=has_speed), {})
    assert [found[name] for name in ("p50_ms", "workflows_per_second", "ratio_to_raw", "recovery_s")] == [None] * 4


def test_the_yardstick_s_record_is_avro_of_200_bytes() -> None:
    value = record_value()
    assert len(value) == RECORD_BYTES
    Codec().decode(value)


def test_workers_count_together_and_a_successor_counts_whole() -> None:
    before = {"worker-1": 100.0, "worker-2": 50.0, "kafka": 10.0, "decision": 500.0}
    after = {"worker-1": 160.0, "worker-2": 90.0, "kafka": 20.0, "decision": 30.0}
    # The decision service was started anew in between: its 30 ms are all of the new process.
    assert cpu_used(before, after, {"decision"}) == {"worker": 100.0, "kafka": 10.0, "decision": 30.0}


def test_usage_includes_children_that_have_ended() -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'sum(range(20_000_000))']); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        alone = cpu_ms({"me": os.getpid()})["me"]
        assert alone > 0
        while cpu_ms({"it": process.pid})["it"] < 100:
            assert process.poll() is None
        assert peak_rss_mb({"it": process.pid})["it"] > 1
        process.communicate(b"\n")
    assert cpu_ms({"it": process.pid}) == {"it": 0.0}


def test_the_client_is_counted_without_the_stack_that_it_started() -> None:
    code = "sum(range(20_000_000)); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as process:
        while (theirs := cpu_ms({"it": process.pid})["it"]) < 100:
            assert process.poll() is None
        ours = sum(os.times()[:2]) * 1000
        # The kernel counts in ticks of 10 ms, and in between we have used some ourselves.
        assert cpu_ms({"client": os.getpid()})["client"] < ours + theirs / 2
        process.communicate(b"\n")
