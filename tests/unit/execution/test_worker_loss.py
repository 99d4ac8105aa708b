"""Workers that go silent, come back, or take their tasks' results with them."""

from __future__ import annotations

import pytest

from headrace.contracts.dispatch_events import AssignmentsEnded, AttemptLost, TaskAssigned, TaskRequeued
from headrace.contracts.message import Message
from headrace.contracts.worker_events import WorkerJoined, WorkerLost
from headrace.contracts.workflow_events import CommandHeld, WorkflowTerminated
from headrace_execution.dispatcher.round import DispatchLimits
from tests.unit.execution.dispatcher_shard import DispatcherShard, scheduled, succeeded


@pytest.fixture
def shard() -> DispatcherShard:
    return DispatcherShard()


def kinds(events: list[Message]) -> list[str]:
    return [type(event).__name__ for event in events]


def test_a_silent_worker_is_lost_and_its_task_runs_elsewhere(shard: DispatcherShard) -> None:
    shard.hello("a")
    shard.record(scheduled(), shard=2)
    shard.hello("b")
    shard.pass_time(3_000)
    shard.report("b")
    shard.pass_time(2_000)
    (requeued,) = shard.of(TaskRequeued)
    assert (requeued.reason, requeued.losses, requeued.to_shard) == ("lost", 1, 2)
    assert sorted(shard.decider.addressees(requeued)) == ["d2", "w:a"]
    assert [(event.worker, event.reason) for event in shard.of(WorkerLost)] == [("a", "silent")]
    assert len(shard.assigned_to("b")) == 1


def test_a_worker_that_reports_is_not_lost(shard: DispatcherShard) -> None:
    shard.hello("a")
    for _ in range(10):
        shard.pass_time(4_000)
        shard.report("a")
    assert not shard.of(WorkerLost)


def test_reports_that_wait_after_a_pause_of_the_dispatcher_are_read_first(shard: DispatcherShard) -> None:
    shard.hello("a")
    shard.now_ms += 60_000  # nothing ran, timers included
    assert not list(shard.decider.tick(shard.state, shard.now_ms))
    shard.report("a")
    shard.pass_time(1_000)
    assert not shard.of(WorkerLost)


def test_clocks_start_anew_at_a_take_over(shard: DispatcherShard) -> None:
    shard.hello("a")
    shard.record(scheduled(heartbeat_ms=10_000))
    shard.now_ms += 60_000
    shard.take_over()
    assert shard.pass_time(4_000) == []
    shard.pass_time(2_000)
    assert len(shard.of(WorkerLost)) == 1


def test_a_new_session_under_the_same_name_loses_the_old_one_at_once(shard: DispatcherShard) -> None:
    shard.hello("a")
    shard.record(scheduled())
    events = shard.hello("a", session="s2")
    assert kinds(events) == ["TaskRequeued", "WorkerLost", "WorkerJoined", "TaskAssigned"]
    assert shard.of(WorkerLost)[0].reason == "replaced"
    assert shard.of(TaskAssigned)[-1].session == "s2"


def test_reports_of_an_old_session_are_ignored(shard: DispatcherShard) -> None:
    shard.hello("a")
    shard.hello("a", session="s2")
    shard.record(scheduled())
    assert shard.report("a", session="s1") == []
    shard.pass_time(3_000)
    shard.report("a", session="s1")
    shard.pass_time(2_000)
    assert [event.session for event in shard.of(WorkerLost)] == ["s1", "s2"]


def test_a_worker_that_nobody_knows_is_told_to_join_again(shard: DispatcherShard) -> None:
    (lost,) = shard.report("a")
    assert isinstance(lost, WorkerLost)
    assert list(shard.decider.addressees(lost)) == ["w:a"]


def test_an_attempt_with_a_lease_goes_back_to_the_decision_service(shard: DispatcherShard) -> None:
    shard.hello("a")
    shard.record(scheduled(token=7), shard=3)
    shard.pass_time(5_000)
    (lost,) = shard.of(AttemptLost)
    assert (lost.losses, lost.poison, lost.to_shard) == (1, False, 3)
    shard.hello("b")
    shard.record(scheduled(token=8, losses=1))
    assert shard.of(TaskAssigned)[-1].task.fencing_token == 8


def test_the_third_loss_is_poison_and_bystanders_are_not_blamed(shard: DispatcherShard) -> None:
    """Step 0 kills every worker that runs it; step 1 runs beside it as long as it may."""
    for life in range(2):
        shard.hello("a", slots=2, session=f"life-{life}")
        if life == 0:
            shard.record(scheduled(0))
        shard.pass_time(5_000)
    shard.record(scheduled(1), scheduled(2))
    shard.hello("a", slots=2, session="life-2")
    assert [event.task.step for event in shard.assigned_to("a")][-1] == 0, "it runs alone now"
    shard.pass_time(5_000)
    (poison,) = shard.of(AttemptLost)
    assert (poison.step, poison.losses, poison.poison) == (0, 3, True)
    shard.hello("a", slots=2, session="life-3")
    assert [event.task.step for event in shard.assigned_to("a")][-2:] == [1, 2]
    assert {event.task.losses for event in shard.of(TaskAssigned)} == {0}


@pytest.mark.parametrize("limit", [1, 2, 4])
def test_how_many_losses_are_poison_is_a_limit(limit: int) -> None:
    shard = DispatcherShard(DispatchLimits(poison_losses=limit))
    shard.record(scheduled())
    for life in range(limit):
        assert not shard.of(AttemptLost)
        shard.hello("a", session=f"life-{life}")
        shard.pass_time(5_000)
    (poison,) = shard.of(AttemptLost)
    assert (poison.losses, poison.poison) == (limit, True)


def test_the_worker_for_a_quarantined_task_is_drained(shard: DispatcherShard) -> None:
    shard.hello("a", slots=2)
    shard.hello("b", slots=2)
    shard.record(scheduled(0), scheduled(1), scheduled(2))
    shard.record(scheduled(3, losses=2), scheduled(4), scheduled(5))
    running = {event.task.step: event for event in shard.of(TaskAssigned)}
    drained = min("ab", key=lambda name: sum(event.worker == name for event in running.values()))
    assert set(running) == {0, 1, 2}, "the worker with one task gets nothing more"
    (last,) = [event for event in running.values() if event.worker == drained]
    shard.record(succeeded(last))
    alone = shard.of(TaskAssigned)[-1]
    assert (alone.task.step, alone.worker) == (3, drained)
    shard.record(succeeded(next(event for event in running.values() if event.worker != drained)))
    assert shard.of(TaskAssigned)[-1].worker != drained
    shard.record(succeeded(alone))
    assert shard.of(TaskAssigned)[-1].worker == drained


def test_what_was_read_and_is_neither_held_nor_finished_is_queued_again(shard: DispatcherShard) -> None:
    shard.hello("a")
    shard.record(scheduled())
    assert shard.report("a", read=0) == [], "it has not read of it yet"
    events = shard.report("a", read=1)
    assert kinds(events) == ["TaskRequeued", "TaskAssigned"]
    assert (shard.of(TaskRequeued)[0].reason, shard.of(TaskRequeued)[0].losses) == ("unread", 0)


def test_a_finished_assignment_waits_for_its_end_but_not_in_its_slot(shard: DispatcherShard) -> None:
    shard.hello("a")
    shard.record(scheduled(0), scheduled(1))
    assert shard.report("a", finished={1: 40}) == []
    assert kinds(shard.report("a", finished={1: 40})) == ["AssignmentsEnded", "TaskAssigned"]
    assert shard.of(AssignmentsEnded)[0].awaiting[0].offset == 40
    assert shard.record(passed=39) == []
    assert kinds(shard.record(succeeded(shard.of(TaskAssigned)[0]), passed=40)) == ["AssignmentsEnded"]
    assert not shard.of(TaskRequeued)


def test_a_result_that_was_passed_without_an_end_is_asked_for_again(shard: DispatcherShard) -> None:
    shard.hello("a")
    shard.record(scheduled())
    for _ in range(2):
        shard.report("a", finished={1: 40})
    assert kinds(shard.record(passed=41)) == ["TaskRequeued", "TaskAssigned"]
    assert shard.of(TaskRequeued)[0].reason == "unanswered"


def test_a_stuck_run_keeps_its_results_and_takes_no_slot(shard: DispatcherShard) -> None:
    shard.hello("a")
    shard.record(scheduled())
    for _ in range(2):
        shard.report("a", finished={1: 40})
    held = CommandHeld(workflow_id="w-run", run_id="run", command=b"", at=0)
    assert shard.record(held, passed=40) == []
    assert shard.record(passed=50) == []
    shard.record(scheduled(run="other"))
    assert len(shard.of(TaskAssigned)) == 2
    shard.record(WorkflowTerminated(workflow_id="w-run", run_id="run", at=0))
    assert list(shard.state.open) == [("other", 0, 1)]


def test_what_a_lost_worker_had_finished_does_not_run_again(shard: DispatcherShard) -> None:
    shard.hello("a")
    shard.record(scheduled())
    shard.report("a", finished={1: 40})
    shard.pass_time(5_000)
    assert not shard.of(TaskRequeued)
    shard.hello("b")
    shard.record(succeeded(shard.of(TaskAssigned)[0]), passed=40)
    assert not shard.state.open
    assert len(shard.of(TaskAssigned)) == 1


def test_a_late_success_of_a_lost_worker_ends_the_attempt_that_runs_again(shard: DispatcherShard) -> None:
    shard.hello("a")
    shard.record(scheduled())
    shard.pass_time(5_000)
    shard.hello("b")
    first, second = shard.of(TaskAssigned)
    shard.record(succeeded(first))
    assert not shard.state.open
    assert list(shard.state.assignments) == [second.assignment]
    shard.report("b")
    assert not shard.state.assignments


def test_a_goodbye_leaves_nothing_behind(shard: DispatcherShard) -> None:
    shard.hello("a")
    shard.record(scheduled())
    shard.goodbye("a")
    assert (shard.of(TaskRequeued)[0].reason, shard.of(TaskRequeued)[0].losses) == ("handed_back", 0)
    assert not shard.state.workers
    assert len(shard.of(WorkerJoined)) == 1
