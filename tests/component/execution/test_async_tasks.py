"""Async tasks: submitted once, polled by whoever runs the attempt, cancelled where nobody wants the result."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from headrace.authoring.async_tasks import async_task
from headrace.authoring.outside import PENDING, Finished
from headrace.authoring.tasks import TaskDefinition
from headrace.contracts.commands import CompleteTask, FailTask
from headrace.contracts.dispatch_events import AssignmentsEnded, AttemptsNoted, TaskAssigned, TaskRequeued
from headrace.contracts.worker_events import WorkerLeft, WorkerLost
from headrace.contracts.workflow_events import WorkflowTerminated
from headrace.runtime.execution_settings import ExecutionSettings
from tests.component.execution.mill import Mill


@pytest.fixture
def mill() -> Iterator[Mill]:
    mill = Mill(ExecutionSettings(cancel_grace_ms=500, note_limit_bytes=100))
    yield mill
    mill.close()


class Outside:
    """A system that takes jobs. It forgets nothing."""

    def __init__(self) -> None:
        self.submitted: list[tuple[str, str]] = []
        self.polled: list[str] = []
        self.cancelled: list[str] = []
        self.done = threading.Event()
        self.kept_when_polled: list[int] = []


def job_class(outside: Outside, mill: Mill) -> type:
    class Job:
        async def submit(self, key: str, table: str) -> dict[str, str]:
            outside.submitted.append((key, table))
            return {"id": f"job-{len(outside.submitted)}"}

        def poll(self, handle: dict[str, str]) -> Any:
            outside.kept_when_polled.append(len(mill.of(AttemptsNoted)))
            outside.polled.append(handle["id"])
            return {"rows": 7} if outside.done.is_set() else PENDING

        async def cancel(self, handle: dict[str, str]) -> None:
            outside.cancelled.append(handle["id"])

    return Job


def make(cls: type, **options: Any) -> TaskDefinition[..., Any]:
    return async_task(name="export", poll_every=0.01, **options)(cls)


def all_slots_free(mill: Mill) -> bool:
    ended = {number for event in mill.of(AssignmentsEnded) for number in event.assignments}
    return {event.assignment for event in mill.of(TaskAssigned)} <= ended


def test_it_is_submitted_kept_and_then_polled_until_there_is_a_result(mill: Mill) -> None:
    outside = Outside()
    mill.start_worker("a", [make(job_class(outside, mill))])
    scheduled = mill.schedule("export", b'{"table": "t"}')
    mill.until(lambda: len(outside.polled) > 3)
    outside.done.set()
    mill.until(lambda: len(mill.results()) == 1)
    (result,) = mill.results()
    assert isinstance(result, CompleteTask)
    assert result.output == b'{"rows":7}'
    assert outside.submitted == [(f"{scheduled.run_id}/{scheduled.step}/1", "t")]
    assert min(outside.kept_when_polled) == 1, "the journal holds the handle before the first poll"
    assert outside.cancelled == []


def test_a_worker_that_died_leaves_its_handle_to_the_next_one(mill: Mill) -> None:
    outside = Outside()
    definition = make(job_class(outside, mill))
    mill.start_worker("a", [definition])
    mill.schedule("export", b'{"table": "t"}')
    mill.until(lambda: bool(outside.polled))
    del mill.workers["a"]
    mill.runners[0].close()
    mill.start_worker("b", [definition])
    mill.until(lambda: bool(mill.of(WorkerLost)))
    outside.done.set()
    mill.until(lambda: any(result.worker == "b" for result in mill.results()))
    assert len(outside.submitted) == 1
    assert set(outside.polled) == {"job-1"}


def test_a_worker_that_stops_hands_it_over_at_once(mill: Mill) -> None:
    outside = Outside()
    definition = make(job_class(outside, mill))
    mill.start_worker("a", [definition])
    mill.schedule("export", b'{"table": "t"}')
    mill.until(lambda: bool(outside.polled))
    worker = mill.workers["a"]
    mill.start_worker("b", [definition])
    worker.stop()
    mill.until(lambda: worker.done)
    worker.leave()
    del mill.workers["a"]
    outside.done.set()
    mill.until(lambda: len(mill.results()) == 1 and bool(mill.of(WorkerLeft)))
    assert [(event.reason, event.losses) for event in mill.of(TaskRequeued)] == [("handed_back", 0)]
    assert (len(outside.submitted), outside.cancelled) == (1, [])


def test_nobody_wants_the_result_so_it_is_cancelled_outside(mill: Mill) -> None:
    outside = Outside()
    mill.start_worker("a", [make(job_class(outside, mill))])
    mill.schedule("export", b'{"table": "t"}')
    mill.until(lambda: bool(outside.polled))
    mill.decide("w-run", WorkflowTerminated(workflow_id="w-run", run_id="run", at=0))
    mill.until(lambda: all_slots_free(mill))
    assert outside.cancelled == ["job-1"]
    assert mill.results() == []


@pytest.mark.parametrize(("policy", "cancelled"), [("retain", []), ("invalidate", ["job-1"])])
def test_a_new_version_polls_on_or_submits_anew(mill: Mill, policy: Any, cancelled: list[str]) -> None:
    outside = Outside()
    old = make(job_class(outside, mill), version="1", on_new_version=policy)
    new = make(job_class(outside, mill), version="2", on_new_version=policy)
    mill.start_worker("a", [old])
    mill.schedule("export", b'{"table": "t"}')
    mill.until(lambda: bool(outside.polled))
    worker = mill.workers["a"]
    worker.stop()
    mill.until(lambda: worker.done)
    worker.leave()
    del mill.workers["a"]
    mill.start_worker("b", [new])
    outside.done.set()
    mill.until(lambda: len(mill.results()) == 1)
    assert outside.cancelled == cancelled
    keys = [key for key, _ in outside.submitted]
    assert keys == (["run/1/1", "run/1/1@2"] if cancelled else ["run/1/1"])


def test_what_is_found_is_not_submitted_again(mill: Mill) -> None:
    outside = Outside()

    class Findable(job_class(outside, mill)):  # type: ignore[misc]
        def find(self, key: str) -> Any:
            return {"id": f"found-{key}"}

    mill.start_worker("a", [make(Findable)])
    outside.done.set()
    mill.schedule("export", b'{"table": "t"}')
    mill.until(lambda: len(mill.results()) == 1)
    assert outside.submitted == []
    assert outside.polled == ["found-run/1/1"]


def test_one_that_is_cancelled_while_it_submits_is_cancelled_by_its_handle(mill: Mill) -> None:
    outside = Outside()
    submitting, go = threading.Event(), threading.Event()

    class Slow(job_class(outside, mill)):  # type: ignore[misc]
        def submit(self, key: str, table: str) -> dict[str, str]:
            submitting.set()
            go.wait(20)
            outside.submitted.append((key, table))
            return {"id": "late"}

    mill.start_worker("a", [make(Slow)])
    mill.schedule("export", b'{"table": "t"}')
    mill.until(submitting.is_set)
    mill.decide("w-run", WorkflowTerminated(workflow_id="w-run", run_id="run", at=0))
    mill.pass_time(200)
    go.set()
    mill.until(lambda: all_slots_free(mill))
    assert outside.cancelled == ["late"]


def test_work_that_fails_outside_fails_the_attempt(mill: Mill) -> None:
    class Broken:
        def submit(self, key: str) -> str:
            return "h"

        def poll(self, handle: str) -> Any:
            raise RuntimeError("the cluster said no")

        def cancel(self, handle: str) -> None:
            """Nothing is there."""

    mill.start_worker("a", [make(Broken)])
    mill.schedule("export")
    mill.until(lambda: len(mill.results()) == 1)
    (result,) = mill.results()
    assert isinstance(result, FailTask)
    assert (result.error, result.retryable) == ("RuntimeError", True)


def test_a_handle_that_is_too_large_is_refused_and_its_work_cancelled(mill: Mill) -> None:
    cancelled = []

    class Large:
        def submit(self, key: str) -> str:
            return "x" * 200

        def poll(self, handle: str) -> Any:
            return "never"

        def cancel(self, handle: str) -> None:
            cancelled.append(len(handle))

    mill.start_worker("a", [make(Large)])
    mill.schedule("export")
    mill.until(lambda: len(mill.results()) == 1)
    (result,) = mill.results()
    assert isinstance(result, FailTask)
    assert "Expected the handle of a task to have at most 100 bytes" in result.cause
    assert cancelled == [200]


def test_what_is_answered_at_once_needs_no_handle(mill: Mill) -> None:
    class Quick:
        def submit(self, key: str, name: str = "nobody") -> Finished:
            return Finished(f"hello {name}")

        def poll(self, handle: str) -> Any:
            raise AssertionError

        def cancel(self, handle: str) -> None:
            raise AssertionError

    mill.start_worker("a", [make(Quick)])
    mill.schedule("export", b'"Ada"')
    mill.until(lambda: len(mill.results()) == 1)
    (result,) = mill.results()
    assert isinstance(result, CompleteTask)
    assert result.output == b'"hello Ada"'
    assert not mill.of(AttemptsNoted)


def test_one_thread_looks_after_many(mill: Mill) -> None:
    outside = Outside()

    class Job:
        async def submit(self, key: str) -> str:
            outside.submitted.append((key, ""))
            return key

        async def poll(self, handle: str) -> Any:
            return threading.current_thread().name if outside.done.is_set() else PENDING

        async def cancel(self, handle: str) -> None:
            """Nothing is there."""

    mill.start_worker("a", [make(Job)], slots=500)
    for _ in range(500):
        mill.schedule("export")
    mill.until(lambda: len(outside.submitted) == 500)
    outside.done.set()
    mill.until(lambda: len(mill.results()) == 500)
    assert {result.output for result in mill.results() if isinstance(result, CompleteTask)} == {b'"async-tasks"'}


def test_outside_of_a_worker_it_runs_like_an_async_function(mill: Mill) -> None:
    outside = Outside()
    outside.done.set()
    assert asyncio.run(make(job_class(outside, mill))(table="t")) == {"rows": 7}
    assert outside.submitted == [("/-1/0", "t")]


def test_it_is_named_after_its_class() -> None:
    names = {}
    for name in ("Export", "NightlyExport", "HTTPCall", "S3Copy", "_Own"):
        cls = type(name, (Outside,), {"submit": _submit, "poll": _submit, "cancel": _submit})
        names[name] = async_task(version="1")(cls).name
    assert names == {
        "Export": "export",
        "NightlyExport": "nightly_export",
        "HTTPCall": "http_call",
        "S3Copy": "s3_copy",
        "_Own": "own",
    }


def _submit(self: Any, key: str) -> Any:
    return key


def test_a_class_must_fit() -> None:
    class NoPoll:
        def submit(self, key: str) -> str:
            return key

    with pytest.raises(TypeError, match=r"submit, poll and cancel, but it lacks \['poll', 'cancel'\]"):
        async_task()(NoPoll)
    with pytest.raises(TypeError, match="on a class"):
        async_task()(print)  # type: ignore[arg-type]
