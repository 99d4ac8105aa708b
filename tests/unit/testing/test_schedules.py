"""Schedules in memory: what a user's test sees of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from headrace import task, workflow
from headrace.client.errors import InvalidStart
from headrace.testing import ScheduleRefused, run_schedule, start_schedule


@task
def charge(customer: str) -> str:
    return f"charged {customer}"


@workflow
async def billing(ctx: Any, customer: str) -> str:
    return str(await ctx.run(charge, customer))


@workflow
async def slow(ctx: Any) -> None:
    await ctx.sleep("90m")


def at(day: int, hour: int = 0) -> datetime:
    return datetime(2024, 1, day, hour, tzinfo=UTC)


def test_a_year_of_monthly_bills() -> None:
    runs = run_schedule(billing, "366d", cron="0 3 1 * *", timezone="Europe/Berlin", input={"customer": "ada"})
    assert len(runs) == 12
    assert {run.result.output for run in runs} == {"charged ada"}
    # In summer, three o'clock in Berlin is one o'clock in UTC.
    assert [run.scheduled_at.hour for run in runs] == [2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 2, 2]
    assert runs[0].workflow_id == "test-20240101T020000Z"


def test_failures_are_those_of_a_workflow() -> None:
    failures = {"charge": [ValueError("no money"), None]}
    runs = run_schedule(billing, "1h", every="1h", input={"customer": "ada"}, failures=failures)
    assert [(run.result.status, run.result.error) for run in runs] == [("FAILED", "ValueError")]


@pytest.mark.parametrize(
    ("overlap", "started", "statuses"),
    [
        ("skip", [1, 3, 5], ["SUCCEEDED", "SUCCEEDED", "RUNNING"]),
        ("queue", [1, 2, 3, 4], ["SUCCEEDED", "SUCCEEDED", "SUCCEEDED", "RUNNING"]),
        ("cancel", [1, 2, 3, 4, 5, 6], ["CANCELLED"] * 5 + ["RUNNING"]),
        ("allow", [1, 2, 3, 4, 5, 6], ["SUCCEEDED"] * 4 + ["RUNNING"] * 2),
    ],
)
def test_each_overlap_policy(overlap: str, started: list[int], statuses: list[str]) -> None:
    runs = run_schedule(slow, "6h", every="1h", overlap=overlap)
    assert [run.scheduled_at.hour for run in runs] == started
    assert [run.result.status for run in runs] == statuses


def test_a_schedule_that_the_test_takes_on_by_itself() -> None:
    with start_schedule(billing, every="1d", input={"customer": "ada"}) as schedule:
        assert schedule.now == at(1)
        assert [run.scheduled_at for run in schedule.advance("2d")] == [at(2), at(3)]
        schedule.pause("holidays")
        assert len(schedule.advance("7d")) == 2
        schedule.resume()
        schedule.trigger()
        assert schedule.runs[-1].cause == "trigger"
        schedule.backfill(at(5), at(7))
        assert [run.scheduled_at for run in schedule.runs[-2:]] == [at(5), at(6)]
        schedule.set(every="1d", input={"customer": "grace"})
        assert schedule.advance("1d")[-1].result.output == "charged grace"
        schedule.delete()
        assert len(schedule.advance("7d")) == 6
        with pytest.raises(ScheduleRefused, match=r"headrace\.NotFound"):
            schedule.pause()


def test_what_is_passed_over_is_told() -> None:
    with start_schedule(slow, every="1h") as schedule:
        schedule.advance("3h")
        assert schedule.skipped == [(at(1, 2), "headrace.Overlap")]
        with pytest.raises(ScheduleRefused, match=r"headrace\.Overlap"):
            schedule.trigger()


def test_a_schedule_that_never_fires_is_refused() -> None:
    with pytest.raises(InvalidStart, match="fits none"):
        start_schedule(slow, cron="0 0 31 2 *")
