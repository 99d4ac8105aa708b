"""Workers that stop, are lost, come back, or find the log away; dispatchers that take over."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from headrace.authoring.task_context import current
from headrace.authoring.tasks import task
from headrace.contracts.commands import CompleteTask
from headrace.contracts.dispatch_events import TaskAssigned, TaskRequeued, TaskServed, TaskUnserved
from headrace.contracts.worker_events import WorkerJoined, WorkerLeft, WorkerLost, WorkerStopping
from headrace.runtime.execution_settings import ExecutionSettings
from headrace_execution.worker.worker import Worker, WorkerReplaced
from tests.component.execution.mill import Mill


@pytest.fixture
def mill() -> Iterator[Mill]:
    mill = Mill(ExecutionSettings(stop_grace_ms=1_000))
    yield mill
    mill.close()


@task
def one() -> int:
    return 1


def leave(mill: Mill, name: str) -> None:
    """What the loop does after SIGTERM."""
    worker = mill.workers[name]
    worker.stop()
    mill.until(lambda: worker.done)
    worker.leave()
    del mill.workers[name]


def test_a_task_that_nobody_offers_waits_and_runs_when_a_worker_appears(mill: Mill) -> None:
    mill.schedule("one")
    mill.until(lambda: bool(mill.of(TaskUnserved)))
    assert mill.of(TaskUnserved)[0].reason == "no worker offers task 'one' on queue 'default'"
    mill.start_worker("a", [one])
    mill.until(lambda: len(mill.results()) == 1)
    assert not mill.of(TaskServed), "it was assigned at once"


def test_a_worker_that_stops_finishes_what_ends_in_time_and_hands_back_the_rest(mill: Mill) -> None:
    go, started = threading.Event(), threading.Semaphore(0)

    @task
    def quick() -> str:
        started.release()
        go.wait(20)
        return "in time"

    @task
    def slow() -> str:
        started.release()
        threading.Event().wait(20) if not go.is_set() else None
        return "elsewhere"

    mill.start_worker("a", [quick, slow])
    mill.schedule("quick")
    slow_one = mill.schedule("slow")
    mill.until(lambda: len(mill.of(TaskAssigned)) == 2 and started.acquire(blocking=False))
    worker = mill.workers["a"]
    worker.stop()
    go.set()
    mill.until(lambda: len(mill.results()) == 1)
    leave(mill, "a")
    mill.until(lambda: bool(mill.of(WorkerLeft)))
    assert len(mill.of(WorkerStopping)) == 1
    (requeued,) = mill.of(TaskRequeued)
    assert (requeued.step, requeued.reason, requeued.losses) == (slow_one.step, "handed_back", 0)
    mill.start_worker("b", [quick, slow])
    mill.until(lambda: len(mill.results()) == 2)
    assert [result.worker for result in mill.results()] == ["a", "b"]


def test_an_idle_worker_leaves_at_once(mill: Mill) -> None:
    mill.start_worker("a", [one])
    leave(mill, "a")
    mill.until(lambda: bool(mill.of(WorkerLeft)))
    assert not mill.of(WorkerLost)


def test_a_worker_that_died_is_lost_and_its_task_runs_elsewhere(mill: Mill) -> None:
    blocked = threading.Event()

    @task
    def once() -> str:
        blocked.wait(20)
        return "x"

    mill.start_worker("a", [once])
    mill.schedule("once")
    mill.until(lambda: bool(mill.of(TaskAssigned)))
    del mill.workers["a"]
    mill.start_worker("b", [once])
    mill.until(lambda: bool(mill.of(WorkerLost)))
    blocked.set()
    mill.until(lambda: any(result.worker == "b" for result in mill.results()))
    assert [event.worker for event in mill.of(TaskAssigned)] == ["a", "b"]


def test_a_worker_that_was_away_joins_again_under_a_new_session(mill: Mill) -> None:
    mill.start_worker("a", [one])
    away = mill.workers.pop("a")
    mill.until(lambda: bool(mill.of(WorkerLost)))
    mill.workers["a"] = away
    mill.until(lambda: len(mill.of(WorkerJoined)) == 2)
    assert len({event.session for event in mill.of(WorkerJoined)}) == 2
    mill.schedule("one")
    mill.until(lambda: len(mill.results()) == 1)


def test_an_attempt_that_comes_again_to_whoever_has_run_it_is_answered_and_not_run(mill: Mill) -> None:
    go, keys = threading.Event(), []

    @task
    def once() -> int:
        keys.append(current().idempotency_key)
        current().record_io(rows=7, dataset="d")
        go.wait(20)
        return len(keys)

    mill.start_worker("a", [once])
    mill.schedule("once")
    mill.until(lambda: bool(keys))
    away = mill.workers.pop("a")
    mill.until(lambda: bool(mill.of(WorkerLost)), answering=False)
    go.set()  # it goes on, and is done, but nobody has counted its result when it is given the attempt again
    mill.until(lambda: len(mill.results()) == 1, answering=False)
    mill.workers["a"] = away
    mill.until(lambda: len(mill.results()) == 2, answering=False)
    assert len(keys) == 1
    first, second = mill.results()
    assert isinstance(first, CompleteTask)
    assert isinstance(second, CompleteTask)
    assert (first.assignment, second.assignment, first.output, second.output) == (1, 2, b"1", b"1")
    assert first.io is not None
    assert (first.io, first.io.datasets[0].rows) == (second.io, 7)


def test_the_idempotency_key_is_the_same_for_every_delivery(mill: Mill) -> None:
    go, keys = threading.Event(), []

    @task
    def once() -> None:
        keys.append((current().idempotency_key, current().task_key, current().assignment))
        go.wait(20)

    mill.start_worker("a", [once])
    scheduled = mill.schedule("once")
    mill.until(lambda: len(keys) == 1)
    del mill.workers["a"]
    mill.start_worker("b", [once])
    mill.until(lambda: len(keys) == 2)
    go.set()
    key = f"{scheduled.run_id}/{scheduled.step}"
    assert keys == [(f"{key}/1", key, 1), (f"{key}/1", key, 2)]


def step_with(mill: Mill, other: Worker) -> None:
    for _ in range(200):
        mill.step()
        other.step(wait_ms=0)


def test_two_processes_cannot_have_one_name(mill: Mill) -> None:
    first = mill.start_worker("a", [one])
    mill.start_worker("a", [one])
    with pytest.raises(WorkerReplaced, match="another process has taken the name a"):
        step_with(mill, first)
    mill.schedule("one")
    mill.until(lambda: len(mill.results()) == 1)


def test_results_wait_while_the_log_is_away_and_nothing_runs_twice(mill: Mill) -> None:
    go, runs = threading.Event(), []

    @task
    def once() -> str:
        runs.append(1)
        go.wait(20)
        return "x"

    mill.start_worker("a", [once], slots=1)
    mill.schedule("once")
    mill.until(lambda: bool(runs))
    mill.log.away = True
    go.set()
    for _ in range(100):
        mill.step()
    mill.log.away = False
    mill.until(lambda: len(mill.results()) == 1)
    mill.schedule("once")
    mill.until(lambda: len(mill.results()) == 2)
    assert len(runs) == 2


def test_nobody_is_lost_while_the_log_is_away(mill: Mill) -> None:
    go = threading.Event()

    @task
    def wait() -> str:
        go.wait(20)
        return "x"

    mill.start_worker("a", [wait])
    mill.schedule("wait")
    mill.until(lambda: bool(mill.of(TaskAssigned)))
    mill.log.away = True
    mill.pass_time(60_000)
    mill.log.away = False
    go.set()
    mill.until(lambda: len(mill.results()) == 1)
    mill.pass_time(10_000)
    assert not mill.of(WorkerLost)
    assert len(mill.of(TaskAssigned)) == 1


def test_a_new_dispatcher_goes_on_where_the_old_one_stood(mill: Mill) -> None:
    go = threading.Event()

    @task
    def wait() -> str:
        go.wait(20)
        return "x"

    mill.start_worker("a", [wait], slots=1)
    mill.schedule("wait")
    mill.schedule("wait")
    mill.until(lambda: bool(mill.of(TaskAssigned)))
    mill.take_over()
    mill.pass_time(10_000)
    assert not mill.of(WorkerLost)
    assert len(mill.of(TaskAssigned)) == 1
    go.set()
    mill.until(lambda: len(mill.results()) == 2)
    assert all(isinstance(result, CompleteTask) for result in mill.results())
