"""Workflows in memory: time that passes as the test says, and failures that it injects."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headrace import NonRetryable, Retry, TaskFailed, task, workflow
from headrace.contracts.task_events import TaskFailed as AttemptFailed
from headrace.contracts.task_events import TaskScheduled, TaskTimedOut
from headrace.testing import Hang, fail, run_workflow, start_workflow

CHARGED: list[tuple[str, int]] = []


@task(retry=Retry(schedule=["1h"]), timeout="5m")
def charge(customer: str, month: int) -> int:
    CHARGED.append((customer, month))
    return month


@task
def square(n: int) -> int:
    return n * n


@workflow
async def billing(ctx: Any, customer: str, months: int) -> list[Any]:
    charged = []
    for month in range(months):
        try:
            charged.append(await ctx.run(charge, customer, month))
        except TaskFailed as error:
            charged.append(error.error)
        await ctx.sleep("30d")
    return charged


@workflow
async def squares(ctx: Any, numbers: list[int]) -> list[int]:
    return await ctx.map(square, numbers)


@pytest.fixture(autouse=True)
def nobody_charged() -> None:
    CHARGED.clear()


def test_time_passes_as_the_test_says() -> None:
    with start_workflow(billing, {"customer": "ada", "months": 3}) as run:
        assert (run.status, CHARGED) == ("RUNNING", [("ada", 0)])
        run.advance("29d")
        assert len(CHARGED) == 1
        run.advance(timedelta(days=1))
        assert (len(CHARGED), run.now) == (2, datetime(2024, 1, 31, tzinfo=UTC))
        assert run.advance("60d").output == [0, 1, 2]
        assert run.now == datetime(2024, 3, 31, tzinfo=UTC)


def test_thirty_years_of_months_take_no_time() -> None:
    assert len(run_workflow(billing, {"customer": "ada", "months": 360}).output) == 360


def test_attempts_fail_as_told_and_the_others_run() -> None:
    run = run_workflow(billing, {"customer": "ada", "months": 1}, failures={"charge": [ConnectionError("down"), None]})
    assert (run.output, CHARGED) == ([0], [("ada", 0)])
    (failed,) = [event for event in run.events if isinstance(event, AttemptFailed)]
    assert (failed.attempt, failed.error, failed.cause) == (1, "ConnectionError", failed.cause)
    assert "down" in failed.cause
    waits = [event.at for event in run.events if isinstance(event, TaskScheduled)]
    assert waits[1] - waits[0] == 3_600_000


def test_every_attempt_fails_where_none_is_named() -> None:
    run = run_workflow(billing, {"customer": "ada", "months": 1}, failures=[fail("charge", ValueError)])
    assert (run.output, CHARGED) == (["ValueError"], [])


def test_what_must_not_be_tried_again_is_not() -> None:
    run = run_workflow(billing, {"customer": "ada", "months": 1}, failures={"charge": [NonRetryable("closed"), None]})
    assert (run.output, CHARGED) == (["NonRetryable"], [])


def test_an_attempt_that_hangs_runs_into_its_time_out() -> None:
    run = run_workflow(billing, {"customer": "ada", "months": 1}, failures={"charge": [Hang]})
    (timed_out,) = [event for event in run.events if isinstance(event, TaskTimedOut)]
    assert (timed_out.attempt, run.output) == (1, [0])


def test_one_item_of_a_map_fails() -> None:
    run = run_workflow(squares, [1, 2, 3], failures=[fail("square", KeyError("no"), index=1)])
    assert (run.status, run.error) == ("FAILED", "KeyError")


def test_attempts_are_counted_from_one() -> None:
    with pytest.raises(ValueError, match="Expected attempts from 1 on"):
        fail("charge", ValueError, attempt=0)


def test_a_cancellation_at_a_time() -> None:
    with start_workflow(billing, {"customer": "ada", "months": 12}) as run:
        run.advance("45d")
        assert run.cancel("moved away").status == "CANCELLED"
        assert len(CHARGED) == 2
    with start_workflow(billing, {"customer": "ada", "months": 12}) as run:
        assert run.terminate().status == "TERMINATED"
