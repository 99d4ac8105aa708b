"""Dispatching, decision by decision: who gets what, and when a slot is free again."""

from __future__ import annotations

from collections import Counter

import pytest

from headrace.contracts.dispatch_events import (
    AssignmentsEnded,
    AttemptTimedOut,
    TaskAssigned,
    TaskDropped,
    TaskQueued,
    TaskRequeued,
    TaskServed,
    TaskUnserved,
)
from headrace.contracts.message import Message
from headrace.contracts.partition import shard_of
from headrace.contracts.reports import QueueOffer, WorkerHello
from headrace.contracts.task_events import TaskCancelled
from headrace.contracts.worker_events import WorkerJoined, WorkerLeft, WorkerStopping
from headrace.contracts.workflow_events import CommandRejected, WorkflowTerminated
from headrace.shard.decider import Input
from tests.unit.execution.dispatcher_shard import DispatcherShard, failed, scheduled, succeeded, timed_out


@pytest.fixture
def shard() -> DispatcherShard:
    return DispatcherShard()


def kinds(events: list[Message]) -> list[str]:
    return [type(event).__name__ for event in events]


def test_a_ready_task_goes_straight_to_an_idle_worker(shard: DispatcherShard) -> None:
    shard.hello("a")
    (assigned,) = shard.record(scheduled(), shard=3)
    assert isinstance(assigned, TaskAssigned)
    assert (assigned.worker, assigned.session, assigned.shard, assigned.assignment) == ("a", "s1", 3, 1)
    assert list(shard.decider.addressees(assigned)) == ["w:a"]


@pytest.mark.parametrize("tasks", [5, 7, 12])
def test_tasks_are_spread_evenly_over_idle_workers(shard: DispatcherShard, tasks: int) -> None:
    for worker in "abcde":
        shard.hello(worker, slots=4)
    shard.record(*(scheduled(step) for step in range(tasks)))
    counts = Counter(event.worker for event in shard.of(TaskAssigned))
    assert len(counts) == 5
    assert max(counts.values()) - min(counts.values()) <= 1


def test_queued_tasks_are_spread_evenly_when_workers_come(shard: DispatcherShard) -> None:
    shard.record(*(scheduled(step) for step in range(4)))
    shard.hello("a", slots=2)
    shard.hello("b", slots=2)
    assert Counter(event.worker for event in shard.of(TaskAssigned)) == {"a": 2, "b": 2}


def test_the_higher_priority_goes_first_then_the_older(shard: DispatcherShard) -> None:
    shard.record(scheduled(0, priority=1), scheduled(1, priority=9), scheduled(2, priority=9), scheduled(3))
    shard.hello("a", slots=1)
    order: list[int] = []
    while len(order) < 4:
        assigned = shard.of(TaskAssigned)[-1]
        order.append(assigned.task.step)
        shard.record(succeeded(assigned))
    assert order == [1, 2, 3, 0]


def test_what_waits_comes_before_what_is_new(shard: DispatcherShard) -> None:
    shard.hello("a", slots=1)
    shard.record(scheduled(0), scheduled(1))
    first = shard.of(TaskAssigned)[0]
    shard.record(succeeded(first), scheduled(2))
    assert [event.task.step for event in shard.of(TaskAssigned)] == [0, 1]


def test_a_task_that_other_workers_offer_does_not_stand_in_the_way(shard: DispatcherShard) -> None:
    shard.hello("a", tasks=["x"])
    shard.record(scheduled(0, task="x"), scheduled(1, task="x"), scheduled(2, task="y"))
    shard.hello("b", tasks=["y"])
    assert [event.task.step for event in shard.assigned_to("b")] == [2]


def test_its_own_result_frees_a_slot(shard: DispatcherShard) -> None:
    shard.hello("a")
    shard.record(scheduled(0), scheduled(1))
    events = shard.record(succeeded(shard.of(TaskAssigned)[0]))
    ended, assigned = events
    assert isinstance(ended, AssignmentsEnded)
    assert isinstance(assigned, TaskAssigned)
    assert list(shard.decider.addressees(ended)) == ["w:a"]


def test_a_failure_frees_a_slot_and_the_next_attempt_is_another_task(shard: DispatcherShard) -> None:
    shard.hello("a")
    shard.record(scheduled())
    assert kinds(shard.record(failed(shard.of(TaskAssigned)[0]))) == ["AssignmentsEnded"]
    (again,) = shard.record(scheduled(attempt=2))
    assert isinstance(again, TaskAssigned)


def test_a_stale_result_frees_the_slot_only_when_the_worker_lets_go(shard: DispatcherShard) -> None:
    shard.hello("a")
    shard.record(scheduled(0), scheduled(1))
    assigned = shard.of(TaskAssigned)[0]
    (dropped,) = shard.record(succeeded(assigned, assignment=99))
    assert isinstance(dropped, TaskDropped)
    assert list(shard.decider.addressees(dropped)) == ["w:a"]
    assert shard.report("a", holds=[1]) == []
    assert kinds(shard.report("a")) == ["AssignmentsEnded", "TaskAssigned"]


def test_a_terminated_run_drops_what_waits_and_stops_what_runs(shard: DispatcherShard) -> None:
    shard.hello("a")
    shard.record(scheduled(0), scheduled(1), scheduled(0, run="other"))
    end = WorkflowTerminated(workflow_id="w-run", run_id="run", at=0)
    events = shard.record(end)
    assert [(event.step, event.worker) for event in events if isinstance(event, TaskDropped)] == [(0, "a"), (1, "")]
    assert kinds(shard.report("a")) == ["AssignmentsEnded", "TaskAssigned"]
    assert shard.of(TaskAssigned)[-1].task.run_id == "other"


def test_what_is_scheduled_and_cancelled_in_one_record_never_starts(shard: DispatcherShard) -> None:
    shard.hello("a")
    cancelled = TaskCancelled(workflow_id="w-run", run_id="run", step=0, node="t", task="t", queue="q", at=0)
    assert shard.record(scheduled(0), cancelled) == []


def test_an_attempt_that_is_scheduled_twice_runs_once(shard: DispatcherShard) -> None:
    shard.hello("a", slots=3)
    shard.record(scheduled(), scheduled())
    shard.record(scheduled())
    shard.record(succeeded(shard.of(TaskAssigned)[0]))
    shard.record(scheduled())
    assert len(shard.of(TaskAssigned)) == 1


def test_a_newer_lease_runs_the_same_attempt_again(shard: DispatcherShard) -> None:
    shard.hello("a", slots=3)
    shard.record(scheduled(token=4))
    events = shard.record(scheduled(token=5))
    assert kinds(events) == ["TaskDropped", "TaskAssigned"]


def test_queues_of_other_shards_are_left_alone() -> None:
    ours = shard_of("census", 64)
    for number, taken in ((ours, 1), ((ours + 1) % 64, 0)):
        shard = DispatcherShard(number=number, shards=64)
        shard.record(scheduled(queue="census"))
        assert len(shard.of(TaskQueued)) == taken


def test_a_task_that_nobody_offers_is_unserved_with_the_reason(shard: DispatcherShard) -> None:
    shard.hello("a", tasks=["other"], queue="q")
    shard.hello("b", tasks=["t"], queue="elsewhere")
    queued, unserved = shard.record(scheduled())
    assert isinstance(queued, TaskQueued)
    assert isinstance(unserved, TaskUnserved)
    assert unserved.reason == "no worker offers task 't' on queue 'q'; it is offered on elsewhere"


def test_it_is_assigned_when_a_worker_appears_and_told_where_no_slot_is_free(shard: DispatcherShard) -> None:
    shard.record(scheduled(0), scheduled(1))
    assert kinds(shard.hello("a", slots=1)) == ["WorkerJoined", "TaskAssigned", "TaskServed"]
    assert shard.of(TaskServed)[0].step == 1


def test_what_waits_is_unserved_when_the_last_worker_leaves(shard: DispatcherShard) -> None:
    shard.hello("a")
    shard.record(scheduled(0), scheduled(1))
    events = shard.report("a", holds=[1], stopping=True)
    assert kinds(events) == ["WorkerStopping", "TaskUnserved"]
    assert shard.of(WorkerStopping)[0].worker == "a"


def test_a_hello_that_comes_twice_changes_nothing(shard: DispatcherShard) -> None:
    shard.hello("a")
    assert shard.hello("a") == []
    assert kinds(shard.hello("a", slots=2)) == ["WorkerJoined"]
    assert len(shard.of(WorkerJoined)) == 2


def test_a_polite_stop_costs_nobody_anything(shard: DispatcherShard) -> None:
    shard.hello("a", slots=2)
    shard.record(scheduled(0), scheduled(1))
    shard.report("a", holds=[1, 2], stopping=True)
    shard.report("a", handed_back=[1, 2], stopping=True)
    assert [(event.reason, event.losses) for event in shard.of(TaskRequeued)] == [("handed_back", 0)] * 2
    shard.goodbye("a")
    assert len(shard.of(WorkerLeft)) == 1
    shard.hello("b", slots=2)
    assert [event.task.step for event in shard.assigned_to("b")] == [0, 1]


def test_start_to_close_times_out_and_the_slot_is_free_once_the_worker_lets_go(shard: DispatcherShard) -> None:
    shard.hello("a")
    shard.record(scheduled(0, timeout_ms=2_000), scheduled(1), shard=3)
    (late,) = shard.pass_time(2_000)
    assert isinstance(late, AttemptTimedOut)
    assert (late.timeout, late.to_shard, late.worker) == ("start_to_close", 3, "a")
    assert sorted(shard.decider.addressees(late)) == ["d3", "w:a"]
    assert kinds(shard.record(timed_out(shard.of(TaskAssigned)[0]))) == ["TaskDropped"]
    shard.report("a", holds=[1])
    assert len(shard.of(TaskAssigned)) == 1
    assert kinds(shard.report("a")) == ["AssignmentsEnded", "TaskAssigned"]


def test_heartbeats_of_its_own_keep_an_attempt_alive(shard: DispatcherShard) -> None:
    shard.hello("a")
    shard.record(scheduled(heartbeat_ms=3_000))
    for _ in range(5):
        assert shard.pass_time(2_000) == []
        shard.report("a", holds=[1], beats=[1])
    shard.pass_time(2_000)
    shard.report("a", holds=[1])
    (late,) = shard.pass_time(2_000)
    assert isinstance(late, AttemptTimedOut)
    assert late.timeout == "heartbeat"


def test_what_is_no_report_becomes_an_event(shard: DispatcherShard) -> None:
    (event,) = shard.feed(None, error="Expected Confluent framing")
    assert isinstance(event, CommandRejected)
    assert "Expected Confluent framing" in event.reason


def test_a_large_backlog_goes_out_in_bounded_rounds(shard: DispatcherShard) -> None:
    shard.record(*(scheduled(step) for step in range(2_000)))
    hello = WorkerHello(
        worker="a",
        session="s1",
        offers=[QueueOffer(queue="q", slots=1_500, tasks=["t"])],
        read_offset=-1,
        sent_at=0,
    )
    item = Input(topic="worker.reports", partition=0, offset=0, at=0, message=hello)
    first_round = 0
    for event in shard.decider.decide(shard.state, item, shard.now_ms):
        shard.decider.evolve(shard.state, event)
        first_round += 1
    assert 1 < first_round < 300
    assert shard.decider.has_pending(shard.state)
    for event in shard.decider.resume(shard.state, shard.now_ms):
        shard.decider.evolve(shard.state, event)
    assert len(shard.state.assignments) == 1_500
    assert not shard.decider.has_pending(shard.state)
