"""What workers and tasks tell: how the worker is, and details of heartbeats for whoever runs the task next."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from headrace.authoring.task_context import current
from headrace.authoring.tasks import task
from headrace.contracts.commands import CompleteTask, FailTask
from headrace.contracts.dispatch_events import AttemptsNoted
from headrace.contracts.reports import Gauge
from headrace.contracts.task_events import TaskFailed, TaskScheduled
from headrace.contracts.worker_events import WorkerLost, WorkerMeasured
from headrace.runtime.execution_settings import ExecutionSettings
from tests.component.execution.mill import Mill


@pytest.fixture
def mill() -> Iterator[Mill]:
    mill = Mill(ExecutionSettings(note_limit_bytes=100))
    yield mill
    mill.close()


def retry(mill: Mill, scheduled: TaskScheduled, failure: FailTask) -> None:
    """Play the decision service: the attempt failed, and another one follows."""
    failed = TaskFailed(
        workflow_id=scheduled.workflow_id,
        run_id=scheduled.run_id,
        step=scheduled.step,
        attempt=1,
        node=scheduled.node,
        task=scheduled.task,
        queue=scheduled.queue,
        error=failure.error,
        retry_at=1,
        assignment=failure.assignment,
        worker=failure.worker,
        at=0,
    )
    mill.decide(scheduled.workflow_id, failed, msgspec.structs.replace(scheduled, attempt=2))


def test_details_reach_the_next_attempt(mill: Mill) -> None:
    told = threading.Event()

    @task
    def count() -> Any:
        if current().details is not None:
            return current().details
        current().heartbeat({"at": 3})
        told.wait(20)
        raise ValueError("halfway")

    mill.start_worker("a", [count])
    scheduled = mill.schedule("count")
    mill.until(lambda: bool(mill.of(AttemptsNoted)), answering=False)
    told.set()
    mill.until(lambda: len(mill.results()) == 1, answering=False)
    (failure,) = mill.results()
    assert isinstance(failure, FailTask)
    retry(mill, scheduled, failure)
    mill.until(lambda: len(mill.results()) == 2, answering=False)
    success = mill.results()[1]
    assert isinstance(success, CompleteTask)
    assert (success.attempt, success.output) == (2, b'{"at":3}')


def test_details_of_a_lost_worker_reach_the_next_one(mill: Mill) -> None:
    died = threading.Event()

    @task
    def count() -> Any:
        if current().details is not None:
            return current().details
        current().heartbeat([1])
        current().heartbeat([1, 2])
        died.wait(20)
        return None

    mill.start_worker("a", [count])
    mill.schedule("count")
    mill.until(lambda: bool(mill.of(AttemptsNoted)))
    del mill.workers["a"]
    mill.start_worker("b", [count])
    mill.until(lambda: any(result.worker == "b" for result in mill.results()))
    (success,) = mill.results()
    died.set()
    assert isinstance(success, CompleteTask)
    assert success.output == b"[1,2]"
    assert len(mill.of(WorkerLost)) == 1


def test_details_that_are_too_large_are_refused_where_they_are_told(mill: Mill) -> None:
    @task
    def shout() -> None:
        current().heartbeat("x" * 200)

    mill.start_worker("a", [shout])
    mill.schedule("shout")
    mill.until(lambda: len(mill.results()) == 1)
    (failure,) = mill.results()
    assert isinstance(failure, FailTask)
    assert "Expected the details of a heartbeat to have at most 100 bytes as JSON, but found 202" in failure.cause


def test_how_a_worker_is_stands_in_the_journal(mill: Mill) -> None:
    waiting = [[Gauge(name="load_1m", value=0.5)], [Gauge(name="load_1m", value=0.75)]]
    mill.start_worker("a", [], gauges=lambda: waiting.pop(0) if waiting else [])
    mill.until(lambda: len(mill.of(WorkerMeasured)) == 2)
    assert [event.gauges[0].value for event in mill.of(WorkerMeasured)] == [0.5, 0.75]
    mill.pass_time(5_000)
    assert len(mill.of(WorkerMeasured)) == 2, "each measurement is told once"
