"""`@task`, `Retry`, durations and `current()`: what a user writes."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from headrace.authoring.durations import duration_ms
from headrace.authoring.retry import NonRetryable, Retry
from headrace.authoring.task_context import TaskContext, current, running
from headrace.authoring.tasks import TaskDefinition, task
from headrace.contracts.retry import RetryPolicy
from headrace.engine.programs.python.targets import task_request


def test_a_task_is_still_its_function() -> None:
    @task
    def add(a: int, b: int = 2) -> int:
        return a + b

    assert isinstance(add, TaskDefinition)
    assert add(1) == 3
    assert (add.name, add.queue, add.retry, add.timeout_ms, add.is_async) == ("add", "default", None, 0, False)


def test_an_async_task_is_still_its_coroutine_function() -> None:
    @task(name="other")
    async def one() -> int:
        return 1

    assert one.is_async
    assert one.name == "other"
    assert asyncio.run(one()) == 1


def test_options_reach_the_request_of_a_workflow() -> None:
    @task(
        queue="census",
        retry=Retry(schedule=["5m", "10m"], off=[ValueError, "OSError"]),
        timeout="1h",
        heartbeat=30,
        priority=9,
        resource={"name": "parser", "units": 2, "capacity": 8},
    )
    def measure(package: str) -> None: ...

    request = task_request(measure, -1, b"[]", "application/json", now_ms=0, seed="")
    assert request.task == request.node == "measure"
    assert (request.queue, request.priority, request.timeout_ms, request.heartbeat_ms) == (
        "census",
        9,
        3_600_000,
        30_000,
    )
    assert (request.resource, request.units, request.capacity) == ("parser", 2, 8)
    assert request.retry == RetryPolicy(max_attempts=3, schedule=[300_000, 600_000], off=["ValueError", "OSError"])


@pytest.mark.parametrize(
    "options",
    [
        {"name": "Bad Name"},
        {"queue": ""},
        {"priority": 10},
        {"priority": True},
        {"timeout": "soon"},
        {"timeout": -1},
        {"heartbeat": float("nan")},
        {"resource": {"units": 1}},
        {"resource": {"name": "r", "units": 0}},
        {"resource": {"name": "r", "colour": 1}},
    ],
)
def test_an_option_that_does_not_fit_is_refused_with_what_was_expected(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Expected"):
        task(**options)(lambda: None)


def test_only_functions_that_return_can_be_tasks() -> None:
    def numbers() -> Any:
        yield 1

    for wrong in (numbers, int, 3):
        with pytest.raises(TypeError, match="Expected @task on a function"):
            task(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "expected_ms"),
    [("500ms", 500), ("1h30m", 5_400_000), (2, 2_000), (0.25, 250), (timedelta(minutes=1), 60_000), ("5m", 300_000)],
)
def test_durations(given: Any, expected_ms: int) -> None:
    assert duration_ms(given, "timeout") == expected_ms


@pytest.mark.parametrize(
    "rules",
    [
        Retry(schedule=["5m"], max_attempts=2),
        Retry(max_attempts=0),
        Retry(max_attempts=2, backoff=0.5),
        Retry(max_attempts=2, jitter=2),
        Retry(off=[int]),  # type: ignore[list-item]
    ],
)
def test_retry_rules_that_do_not_fit_are_refused(rules: Retry) -> None:
    with pytest.raises(ValueError, match="Expected"):
        rules.policy()


def test_a_lone_error_is_no_list() -> None:
    with pytest.raises(TypeError, match="Expected a list as on"):
        Retry(on="ValueError").policy()


def test_growing_intervals() -> None:
    rules = Retry(max_attempts=4, interval="1s", backoff=3, max_interval="1m", jitter=0.1, on=[OSError])
    expected = RetryPolicy(
        max_attempts=4, interval_ms=1_000, backoff=3.0, max_interval_ms=60_000, jitter=0.1, on=["OSError"]
    )
    assert rules.policy() == expected


def test_non_retryable_says_so() -> None:
    class NoSuchPackage(NonRetryable):
        pass

    assert NoSuchPackage("x").non_retryable


def test_outside_of_a_worker_current_is_harmless(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        current().log.info("got %d of %s", 3, "x")
        current().log.info("100%", "odd")
    current().heartbeat({"at": 3})
    current().record_io(rows=1, bytes=2, dataset="d")
    assert not current().cancelled
    assert [record.getMessage() for record in caplog.records] == ["got 3 of x", "100% ('odd',)"]


def test_keys_are_stable_over_redeliveries_and_over_attempts() -> None:
    class Sink:
        def line(self, level: str, message: str) -> None: ...
        def heartbeat(self, details: Any) -> None: ...
        def record_io(self, *, rows: int, bytes: int, dataset: str) -> None: ...  # noqa: A002

    first, again, second = (
        TaskContext(Sink(), run_id="r", step=4, attempt=attempt, assignment=assignment)
        for attempt, assignment in ((1, 10), (1, 11), (2, 12))
    )
    assert first.idempotency_key == again.idempotency_key != second.idempotency_key
    assert first.task_key == again.task_key == second.task_key
    with running(first):
        assert current() is first
    assert current() is not first
