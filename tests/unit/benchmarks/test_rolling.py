"""What the benchmark of rolling restarts makes of the journals: gaps, waits, what went wrong."""

from __future__ import annotations

from benchmarks.rolling_tally import RollingTally, longest_gap
from headrace.contracts.dispatch_events import TaskAssigned, TaskRequeued
from headrace.contracts.task_events import TaskFailed, TaskScheduled, TaskSucceeded
from headrace.contracts.worker_events import WorkerJoined, WorkerLost
from headrace.contracts.workflow_events import WorkflowSucceeded


def test_a_gap_belongs_to_the_act_in_which_its_middle_lies() -> None:
    times = [100, 2_000, 110, 130, 900, 2_010]
    assert longest_gap(times, 0, 1_000) == 770
    assert longest_gap(times, 1_000, 3_000) == 1_100
    assert longest_gap(times, 2_100, 3_000) == 0


def test_a_wait_begins_anew_when_a_task_is_handed_back() -> None:
    tally = RollingTally()
    task = _scheduled(0, at=100)
    tally.see([task, _assigned(1, task, at=150)])
    tally.see([_requeued(1, task, at=500), _assigned(2, task, at=520)])
    assert tally.waits == [(150, 50), (520, 20)]
    assert tally.requeued == {"handed_back": 1}
    assert tally.stall(0, 1_000)["longest_wait_ms"] == 50


def test_an_assignment_may_be_read_before_what_it_is_of() -> None:
    tally = RollingTally()
    tally.see([_assigned(1, _scheduled(0, at=100), at=130)])
    assert tally.waits == [(130, 30)]


def test_what_must_not_be_is_counted() -> None:
    tally = RollingTally()
    task = _scheduled(0, at=0)
    tally.see([task, _succeeded(task), _succeeded(task), _scheduled(1, attempt=2, at=5)])
    tally.see([_failed(_scheduled(2, at=7)), WorkerLost(worker="w", session="s", reason="silent", at=9)])
    tally.see([WorkerJoined(worker="w", session="t", offers=[], pid=7, at=9)])
    tally.see([WorkflowSucceeded(workflow_id="a", run_id="r", name="n", started_at=0, output=b"1", at=3)])
    assert (tally.doubled, tally.retried, tally.failed, tally.workers_lost) == (1, 1, 1, 1)
    assert (tally.joined, tally.workflows) == ({"w": [7]}, {"a"})


def _scheduled(step: int, *, attempt: int = 1, at: int) -> TaskScheduled:
    return TaskScheduled(
        workflow_id="w", run_id="r", step=step, attempt=attempt, node="n", task="t", queue="q", input=b"1", at=at
    )


def _assigned(number: int, task: TaskScheduled, *, at: int) -> TaskAssigned:
    return TaskAssigned(assignment=number, worker="w", session="s", task=task, shard=0, at=at)


def _requeued(number: int, task: TaskScheduled, *, at: int) -> TaskRequeued:
    return TaskRequeued(
        assignment=number, reason="handed_back", losses=0, at=at, run_id="r", step=task.step, attempt=task.attempt
    )


def _succeeded(task: TaskScheduled) -> TaskSucceeded:
    return TaskSucceeded(
        workflow_id="w",
        run_id="r",
        step=task.step,
        attempt=task.attempt,
        node="n",
        task="t",
        queue="q",
        output=b"1",
        assignment=1,
        worker="w",
        started_at=1,
        ended_at=2,
        at=3,
    )


def _failed(task: TaskScheduled) -> TaskFailed:
    return TaskFailed(
        workflow_id="w",
        run_id="r",
        step=task.step,
        attempt=1,
        node="n",
        task="t",
        queue="q",
        error="E",
        assignment=1,
        worker="w",
        at=3,
    )
