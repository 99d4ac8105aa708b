"""Cancellation reaches what runs: an exception in a coroutine, a flag and a callback in a thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from headrace.authoring.task_context import current
from headrace.authoring.tasks import task
from headrace.contracts.dispatch_events import AssignmentsEnded, TaskAssigned, TaskRequeued
from headrace.contracts.task_events import TaskCancelled, TaskScheduled
from headrace.contracts.worker_events import WorkerLeft
from headrace.runtime.execution_settings import ExecutionSettings
from tests.component.execution.mill import Mill


@pytest.fixture
def mill() -> Iterator[Mill]:
    mill = Mill(ExecutionSettings(stop_grace_ms=100, cancel_grace_ms=100))
    yield mill
    mill.close()


def cancel(mill: Mill, task: TaskScheduled) -> None:
    mill.decide(
        task.workflow_id,
        TaskCancelled(
            workflow_id=task.workflow_id,
            run_id=task.run_id,
            step=task.step,
            node=task.node,
            task=task.task,
            queue=task.queue,
            at=0,
        ),
    )


def all_slots_free(mill: Mill) -> bool:
    ended = {number for event in mill.of(AssignmentsEnded) for number in event.assignments}
    return {event.assignment for event in mill.of(TaskAssigned)} <= ended


def test_a_coroutine_gets_an_exception_and_may_clean_up(mill: Mill) -> None:
    started, seen = threading.Event(), []

    @task
    async def wait_long() -> None:
        started.set()
        try:
            await asyncio.sleep(3_600)
        except asyncio.CancelledError:
            seen.append(current().cancelled)
            await asyncio.sleep(0.01)
            seen.append("cleaned up")
            raise

    mill.start_worker("a", [wait_long])
    scheduled = mill.schedule("wait_long")
    mill.until(started.is_set)
    cancel(mill, scheduled)
    mill.until(lambda: all_slots_free(mill))
    assert seen == [True, "cleaned up"]
    assert mill.results() == []


def test_a_coroutine_that_goes_on_after_its_grace_is_cancelled_again(mill: Mill) -> None:
    started, cancelled = threading.Event(), []

    @task
    async def stubborn() -> None:
        started.set()
        for _ in range(3):
            try:
                await asyncio.sleep(3_600)
            except asyncio.CancelledError:
                cancelled.append(1)

    mill.start_worker("a", [stubborn])
    scheduled = mill.schedule("stubborn")
    mill.until(started.is_set)
    cancel(mill, scheduled)
    mill.until(lambda: all_slots_free(mill))
    assert len(cancelled) == 3


def test_a_thread_is_called_back_with_the_context_of_its_task(mill: Mill) -> None:
    started, connection_closed, steps = threading.Event(), threading.Event(), []

    def close_connection() -> None:
        steps.append(current().step)
        connection_closed.set()

    def broken() -> None:
        raise OSError("closed already")

    @task
    def read_from_connection() -> None:
        current().on_cancel(close_connection)
        current().on_cancel(broken)
        started.set()
        connection_closed.wait(20)
        raise OSError("the connection was closed")

    mill.start_worker("a", [read_from_connection])
    scheduled = mill.schedule("read_from_connection")
    mill.until(started.is_set)
    cancel(mill, scheduled)
    mill.until(lambda: all_slots_free(mill))
    assert steps == [scheduled.step]
    assert mill.results() == []


def test_who_asks_too_late_is_called_at_once(mill: Mill) -> None:
    started, called = threading.Event(), []

    @task
    def work() -> None:
        started.set()
        while not current().cancelled:
            threading.Event().wait(0.001)
        current().on_cancel(lambda: called.append(threading.current_thread().name))
        called.append("after")

    mill.start_worker("a", [work])
    scheduled = mill.schedule("work")
    mill.until(started.is_set)
    cancel(mill, scheduled)
    mill.until(lambda: all_slots_free(mill))
    assert len(called) == 2
    assert called[1] == "after"


def test_a_worker_that_leaves_lets_coroutines_clean_up_before_their_tasks_run_elsewhere(mill: Mill) -> None:
    started, seen = threading.Event(), []

    @task
    async def hold() -> None:
        started.set()
        try:
            await asyncio.sleep(3_600)
        finally:
            await asyncio.sleep(0.01)
            seen.append(len(mill.of(TaskRequeued)))

    mill.start_worker("a", [hold])
    mill.schedule("hold")
    mill.until(started.is_set)
    worker = mill.workers["a"]
    worker.stop()
    mill.until(lambda: worker.done)
    worker.leave()
    del mill.workers["a"]
    assert seen == [0]
    mill.until(lambda: bool(mill.of(WorkerLeft)))
    assert [event.reason for event in mill.of(TaskRequeued)] == ["handed_back"]
