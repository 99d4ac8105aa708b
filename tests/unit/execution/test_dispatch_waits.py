"""Time-outs that name their limit, alarms for what runs long, and what holds a queue back."""

from __future__ import annotations

import pytest

from headrace.contracts.dispatch_events import AttemptTimedOut, TaskAssigned, TaskOverdue, TaskUnserved
from headrace.contracts.task_rules import TaskLimit, TaskRules
from headrace_execution.dispatcher.limits import QueueLimit
from headrace_execution.dispatcher.round import DispatchLimits
from tests.unit.execution.dispatcher_shard import DispatcherShard, scheduled, succeeded, timed_out


def waits(shard: DispatcherShard) -> list[tuple[int, str, int]]:
    """Return who timed out: step, limit, when."""
    return [(event.step, event.timeout, event.at) for event in shard.of(AttemptTimedOut)]


@pytest.mark.parametrize("restart", ["", "replayed", "restored"])
def test_a_wait_that_is_too_long_ends_the_attempt(restart: str) -> None:
    shard = DispatcherShard()
    shard.hello("a", 1)
    rules = TaskRules(schedule_to_start_ms=2_000)
    shard.record(scheduled(0), scheduled(1, rules=rules, at=1_000), scheduled(2))
    if restart:
        getattr(shard, "take_over" if restart == "replayed" else "take_over_from_checkpoint")()
    for _ in range(3):
        shard.pass_time(1_000)
        shard.report("a", holds=[1])
    assert waits(shard) == [(1, "schedule_to_start", 3_000)]
    assert shard.of(AttemptTimedOut)[0].assignment == 0
    shard.record(succeeded(shard.assigned_to("a")[0]))
    assert [event.task.step for event in shard.assigned_to("a")] == [0, 2]


def test_who_began_in_time_does_not_wait_any_more() -> None:
    shard = DispatcherShard()
    shard.hello("a", 1)
    shard.record(scheduled(0, rules=TaskRules(schedule_to_start_ms=2_000), at=1_000))
    shard.pass_time(1_500)
    shard.report("a", handed_back=[1])
    shard.report("a", stopping=True)
    assert not waits(shard)


def test_a_wait_begins_anew_when_an_attempt_is_taken_back() -> None:
    shard = DispatcherShard()
    shard.hello("a", 1)
    shard.record(scheduled(0, rules=TaskRules(schedule_to_start_ms=2_000), at=1_000))
    shard.pass_time(1_500)
    shard.report("a", handed_back=[1], stopping=True)
    shard.pass_time(1_900)
    assert not waits(shard)
    shard.pass_time(200)
    assert waits(shard) == [(0, "schedule_to_start", 4_500)]


def test_the_time_for_all_attempts_ends_one_that_waits_and_one_that_runs() -> None:
    shard = DispatcherShard()
    shard.hello("a", 1)
    rules = TaskRules(schedule_to_close_ms=2_000, close_by=3_000)
    shard.record(scheduled(0, rules=rules), scheduled(1, rules=rules))
    shard.pass_time(1_500)
    shard.report("a", holds=[1])
    shard.pass_time(600)
    assert waits(shard) == [(0, "schedule_to_close", 3_000), (1, "schedule_to_close", 3_000)]
    shard.record(timed_out(shard.assigned_to("a")[0]))
    assert 1 in shard.state.assignments  # the worker holds it still
    shard.report("a")
    assert not (shard.state.open or shard.state.assignments or shard.state.live.waits)


def test_an_attempt_that_runs_long_is_told_of_once_even_over_a_restart() -> None:
    shard = DispatcherShard()
    shard.hello("a", 1)
    shard.record(scheduled(0, rules=TaskRules(warn_after_ms=2_000)))
    for at in range(6):
        shard.pass_time(1_000)
        shard.report("a", holds=[1])
        if at == 3:
            shard.take_over_from_checkpoint()
    (overdue,) = shard.of(TaskOverdue)
    assert (overdue.assignment, overdue.worker, overdue.since, overdue.at) == (1, "a", 1_000, 3_000)
    shard.record(succeeded(shard.assigned_to("a")[0]))
    assert not shard.state.open


def test_a_queue_has_limits_of_its_own() -> None:
    limits = DispatchLimits(queues=(QueueLimit(queue="q", at_once=2, per_period=3, period_ms=300),))
    shard = DispatcherShard(limits)
    shard.hello("a", 10)
    shard.hello("b", 10, queue="other")
    shard.record(*(scheduled(step) for step in range(6)), *(scheduled(step, queue="other") for step in range(6, 12)))
    assert (len(shard.assigned_to("a")), len(shard.assigned_to("b"))) == (2, 6)
    for given in shard.assigned_to("a")[:2]:
        shard.record(succeeded(given))
    assert len(shard.assigned_to("a")) == 3  # the third token
    shard.take_over_from_checkpoint()
    shard.pass_time(99)
    assert len(shard.assigned_to("a")) == 3
    shard.pass_time(1)
    assert len(shard.assigned_to("a")) == 4


def test_what_a_limit_holds_back_does_not_hold_up_what_is_behind_it() -> None:
    shard = DispatcherShard()
    shard.hello("a", 10, tasks=["x", "y"])
    limited = TaskRules(limits=[TaskLimit(scope="task", name="x", at_once=1)])
    shard.record(*(scheduled(step, task="x", rules=limited, priority=9) for step in range(5)), scheduled(5, task="y"))
    assert [event.task.step for event in shard.of(TaskAssigned)] == [0, 5]


def test_a_raised_limit_holds_for_those_that_wait_already() -> None:
    shard = DispatcherShard()
    shard.hello("a", 10, tasks=["x"])
    one, three = (TaskRules(limits=[TaskLimit(scope="task", name="x", at_once=count)]) for count in (1, 3))
    shard.record(*(scheduled(step, task="x", rules=one) for step in range(5)))
    assert len(shard.of(TaskAssigned)) == 1
    shard.record(scheduled(5, task="x", rules=three))
    assert [event.task.step for event in shard.of(TaskAssigned)] == [0, 1, 2]


def test_who_needs_what_nobody_has_is_unserved_with_the_reason() -> None:
    shard = DispatcherShard()
    shard.hello("a", 2, labels={"gpu": "no", "zone": "1"})
    shard.record(
        scheduled(0, rules=TaskRules(require={"gpu": "yes"})),
        scheduled(1, rules=TaskRules(slots=3)),
        scheduled(2, rules=TaskRules(slots=2, require={"zone": "1"})),
    )
    assert [event.reason for event in shard.of(TaskUnserved)] == [
        "no worker that offers task 't' on queue 'q' has the labels gpu=yes",
        "no worker that offers task 't' on queue 'q' has 3 slots",
    ]
    assert [event.task.step for event in shard.assigned_to("a")] == [2]
    shard.hello("b", 3, labels={"gpu": "yes"})
    assert {event.task.step for event in shard.assigned_to("b")} == {0}
    shard.record(succeeded(shard.assigned_to("b")[0]))
    assert [event.task.step for event in shard.assigned_to("b")] == [0, 1]


def test_an_attempt_that_needs_many_slots_is_not_overtaken_for_ever() -> None:
    shard = DispatcherShard()
    shard.hello("a", 3)
    shard.hello("b", 3)
    shard.record(*(scheduled(step) for step in range(6)))
    shard.record(scheduled(6, rules=TaskRules(slots=3)), *(scheduled(step) for step in range(7, 20)))
    for _ in range(10):
        first = next(given for given in shard.of(TaskAssigned) if given.assignment in shard.state.assignments)
        shard.record(succeeded(first))
        if any(given.task.step == 6 for given in shard.of(TaskAssigned)):
            return
    pytest.fail("the attempt that needs three slots still waits")


def test_ten_thousand_tasks_of_one_tenant_do_not_hold_up_ten_of_another() -> None:
    shard = DispatcherShard()
    shard.hello("a", 1)
    shard.record(*(scheduled(step, rules=TaskRules(fairness_key="large")) for step in range(1_000)))
    shard.record(*(scheduled(step, rules=TaskRules(fairness_key="small", weight=2.0)) for step in range(2_000, 2_010)))
    for _ in range(20):
        shard.record(succeeded(shard.of(TaskAssigned)[-1]))
    tenants = [given.task.rules.fairness_key for given in shard.of(TaskAssigned) if given.task.rules is not None]
    assert tenants.index("small") <= 2
    assert tenants[:18].count("small") == 10


def test_slots_are_taken_in_proportion() -> None:
    shard = DispatcherShard()
    for name, slots in (("a", 2), ("b", 8), ("c", 4)):
        shard.hello(name, slots)
    shard.record(*(scheduled(step) for step in range(7)))
    assert {name: len(shard.assigned_to(name)) for name in "abc"} == {"a": 1, "b": 4, "c": 2}


def test_a_preferred_worker_is_taken_while_it_has_room_and_not_waited_for() -> None:
    shard = DispatcherShard()
    for name in "abc":
        shard.hello(name, 1)
    sticky = TaskRules(prefer="customer-7")
    shard.record(scheduled(0, rules=sticky))
    first = shard.of(TaskAssigned)[-1]
    shard.record(succeeded(first))
    shard.take_over_from_checkpoint()
    shard.record(scheduled(1, rules=sticky), scheduled(2, rules=sticky), scheduled(3, rules=TaskRules(prefer="c")))
    given = {event.task.step: event.worker for event in shard.of(TaskAssigned)}
    assert given[1] == first.worker
    assert given[2] != first.worker
    assert len(given) == 4
