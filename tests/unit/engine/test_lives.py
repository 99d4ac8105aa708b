"""Workflows over their whole life: children, sleeps, limits, cancellation, large decisions, and what gets stuck."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.contracts import events as all_events
from headrace.contracts.child_events import ChildCancelRequested, ChildEnded, ChildRequested
from headrace.contracts.task_events import TaskCancelled, TaskScheduled
from headrace.contracts.timer_events import TimerStarted
from headrace.contracts.workflow_events import (
    ActivationYielded,
    CommandHeld,
    StartRefused,
    WorkflowCancelled,
    WorkflowFailed,
    WorkflowStuck,
    WorkflowSucceeded,
    WorkflowTerminated,
    WorkflowTimedOut,
)
from headrace.engine.context import Limits
from headrace.engine.evolve.registry import BACKLOG_EVOLVERS, EVOLVERS, NO_STATE, SCHEDULE_EVOLVERS
from headrace.runtime.budget import Budget, BudgetLimits
from tests.unit.engine.decision_shard import DecisionShard, names, only
from tests.unit.engine.workflows import CHAIN, LIMITED, PARENT, SLEEPER, WIDE, sequence


def test_every_event_of_the_journal_has_an_evolver_or_says_that_it_needs_none() -> None:
    kinds = (EVOLVERS.keys(), SCHEDULE_EVOLVERS.keys(), BACKLOG_EVOLVERS.keys(), NO_STATE)
    assert sorted(event.type_name() for kind in kinds for event in kind) == sorted(
        event.type_name() for event in all_events.WORKFLOW_EVENTS
    )


def test_a_sleep_ends_when_its_timer_is_due() -> None:
    shard = DecisionShard(SLEEPER)
    timer = only(shard.start("sleeper"), TimerStarted)
    assert timer.due_at == shard.now_ms + 300_000
    assert shard.decider.due_at(shard.state) == timer.due_at
    assert shard.tick(timer.due_at - 1) == []
    assert names(shard.tick(timer.due_at)) == ["TimerFired", "WorkflowSucceeded"]
    assert shard.decider.due_at(shard.state) is None


def test_a_child_runs_beside_its_parent_and_its_output_is_the_step_s() -> None:
    shard = DecisionShard(PARENT, CHAIN)
    request = only(shard.start("parent"), ChildRequested)
    task = only(shard.hear(request), TaskScheduled)
    assert shard.hear(request) == []
    task = only(shard.complete(task), TaskScheduled)
    ended = only(shard.complete(task, 5), WorkflowSucceeded)
    assert tuple(shard.decider.addressees(ended)) == ("d0",)
    events = shard.hear(ended)
    assert only(events, ChildEnded).output == b"5"
    assert only(events, WorkflowSucceeded).output == b"5"
    assert shard.hear(ended) == []


def test_a_child_that_cannot_start_fails_its_parent() -> None:
    shard = DecisionShard(PARENT)
    request = only(shard.start("parent"), ChildRequested)
    refused = only(shard.hear(request), StartRefused)
    assert only(shard.hear(refused), WorkflowFailed).error == "headrace.UnknownDefinition"


@pytest.mark.parametrize("end", ["cancel", "terminate"])
def test_a_parent_that_ends_asks_its_child_to(end: str) -> None:
    shard = DecisionShard(PARENT, CHAIN)
    request = only(shard.start("parent"), ChildRequested)
    shard.hear(request)
    asked = only(getattr(shard, end)(), ChildCancelRequested)
    assert only(shard.hear(asked), WorkflowCancelled).workflow_id == request.child_id


def test_cancelling_gives_up_what_is_open_and_ends_the_run() -> None:
    shard = DecisionShard(CHAIN)
    task = only(shard.start("chain"), TaskScheduled)
    events = shard.cancel()
    assert only(events, TaskCancelled).step == task.step
    assert only(events, WorkflowCancelled).reason == "enough"
    assert shard.cancel() == []
    assert shard.complete(task) == []


def test_a_limit_on_the_whole_workflow_ends_it_as_timed_out() -> None:
    shard = DecisionShard(LIMITED)
    shard.start("limited")
    events = shard.tick(shard.now_ms + 3_600_000)
    assert names(events) == ["CancelRequested", "TaskCancelled", "WorkflowTimedOut"]
    assert only(events, WorkflowTimedOut).timeout_ms == 3_600_000


def test_a_decision_that_is_too_large_goes_out_in_rounds() -> None:
    shard = DecisionShard(WIDE, limits=Limits(decision_bytes=4_096))
    events = shard.start("wide", {"items": ["x" * 1000] * 10})
    tasks = [event for event in events if isinstance(event, TaskScheduled)]
    rounds = 1
    while shard.decider.has_pending(shard.state):
        more = shard.resume()
        assert names(more)[0] == "ActivationResumed"
        tasks += [event for event in more if isinstance(event, TaskScheduled)]
        rounds += 1
    assert rounds > 2
    assert [task.index for task in tasks] == list(range(10))


def test_the_rest_of_a_large_decision_survives_a_new_owner() -> None:
    shard = DecisionShard(WIDE, limits=Limits(decision_bytes=4_096), forgetful=True)
    shard.start("wide", {"items": ["x" * 1000] * 10})
    while shard.decider.has_pending(shard.state):
        shard.resume()
    scheduled = [event for event in shard.journal if isinstance(event, TaskScheduled)]
    assert [task.index for task in scheduled] == list(range(10))


def test_terminate_ends_a_stuck_run_and_tells_everybody_who_may_hold_something_of_it() -> None:
    shard = DecisionShard(CHAIN)
    task = only(shard.start("chain"), TaskScheduled)
    shard.definitions._by_name.clear()
    shard.new_process()
    stuck = only(shard.complete(task), WorkflowStuck)
    assert stuck.error == "headrace.DefinitionMissing"
    assert names(shard.complete(task)) == [CommandHeld.__name__]
    ended = only(shard.terminate(), WorkflowTerminated)
    assert {"x0", "r0"} <= set(shard.decider.addressees(ended))


def test_code_that_parts_from_the_record_is_stuck_with_both_sides_shown() -> None:
    shard = DecisionShard(sequence)
    task = only(shard.start("sequence", {"n": 2}), TaskScheduled)

    async def changed(ctx: Any, n: int) -> None:
        await ctx.run("another", n)

    shard.definitions.functions[b"sequence"] = changed
    shard.new_process()
    stuck = only(shard.complete(task), WorkflowStuck)
    assert stuck.error == "headrace.NonDeterministic"
    assert "[task one" in stuck.cause
    assert "[task another" in stuck.cause


def test_a_workflow_that_never_waits_is_stuck_and_the_others_do_not_notice() -> None:
    async def spin(ctx: Any) -> None:
        while True:
            try:
                pass
            except Exception:  # noqa: BLE001
                continue

    with Budget(BudgetLimits(cpu_ms=200)) as budget:
        shard = DecisionShard(spin, CHAIN, budget=budget)
        assert only(shard.start("spin", workflow_id="bad"), WorkflowStuck).error == "headrace.BudgetExceeded"
        assert names(shard.start("chain")) == ["WorkflowStarted", "TaskScheduled"]
    assert set(shard.state.runs) == {"bad", "w"}


def test_a_workflow_that_asks_for_more_without_end_is_stuck() -> None:
    async def greedy(ctx: Any) -> None:
        async def some() -> None:
            await ctx.gather(some(), ctx.run("one"))

        await some()

    async def wide(ctx: Any) -> list[Any]:
        return await ctx.map("one", range(6_000))

    shard = DecisionShard(greedy, wide, limits=Limits(steps_at_once=4_096))
    for name in ("greedy", "wide"):
        stuck = only(shard.start(name, workflow_id=name), WorkflowStuck)
        assert (stuck.error, "HEADRACE_DECISION_STEPS_AT_ONCE" in stuck.cause) == ("headrace.BudgetExceeded", True)
    assert isinstance(DecisionShard(wide).start("wide")[-1], ActivationYielded)


@pytest.mark.parametrize(
    "expression",
    ["( $f := function($n) { $f($n + 1) + 1 }; $f(1) )", "$match($input.text, /(a+)+$/)"],
    ids=["recursion", "regular expression"],
)
def test_an_expression_without_end_makes_its_workflow_stuck(expression: str) -> None:
    graph = {
        "apiVersion": "headrace/v1",
        "name": "heavy",
        "tasks": {"a": {"task": "one", "input": {"x": "{% " + expression + " %}"}}},
    }
    with Budget(BudgetLimits(cpu_ms=300)) as budget:
        shard = DecisionShard(graph, CHAIN, budget=budget)
        events = shard.start("heavy", {"text": "a" * 64 + "b"}, workflow_id="bad")
        assert only(events, WorkflowStuck).error == "headrace.BudgetExceeded"
        assert names(shard.start("chain")) == ["WorkflowStarted", "TaskScheduled"]


def test_a_run_sees_the_last_result_under_its_key() -> None:
    graph = {
        "apiVersion": "headrace/v1",
        "name": "series",
        "key": "{% $input.customer %}",
        "tasks": {"a": {"task": "one", "input": {"before": "{% $exists($previous) ? $previous.output : 'none' %}"}}},
        "output": "{% $tasks.a.output %}",
    }
    shard = DecisionShard(graph)
    for number, (customer, before) in enumerate([("x", "none"), ("x", "first"), ("y", "none")]):
        task = only(shard.start("series", {"customer": customer}, workflow_id=f"w{number}"), TaskScheduled)
        assert task.input == b'{"before":"' + before.encode() + b'"}'
        ended = only(shard.complete(task, "first"), WorkflowSucceeded)
        assert names(shard.hear(ended)) == ["PreviousRecorded"]
