"""Workflows that begin anew under their id: what goes along, what is left behind, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.contracts.child_events import ChildCancelRequested, ChildRequested
from headrace.contracts.record_events import WorkflowContinued
from headrace.contracts.task_events import TaskCancelled, TaskScheduled
from headrace.contracts.workflow_events import (
    StartRefused,
    WorkflowCancelled,
    WorkflowFailed,
    WorkflowStarted,
    WorkflowSucceeded,
)
from tests.unit.engine.decision_shard import DecisionShard, only
from tests.unit.engine.test_loops import output, signal
from tests.unit.engine.workflows import CHAIN

BOTH = pytest.mark.parametrize("forgetful", [False, True], ids=["live", "rebuilt"])


async def paging(ctx: Any, page: int = 0, total: int = 0) -> int:
    """Add up three pages, one run each."""
    total += await ctx.run("one", page)
    if page < 2:
        await ctx.continue_as_new(page=page + 1, total=total)
    return total


@BOTH
def test_a_workflow_begins_anew_under_its_id(forgetful: bool) -> None:
    shard = DecisionShard(paging, forgetful=forgetful)
    events = shard.start("paging", {"page": 0})
    first = only(events, TaskScheduled)
    shard.now_ms = 5_000
    events = shard.complete(first, 10)
    continued = only(events, WorkflowContinued)
    assert (continued.run_id, continued.next_run_id, continued.input) == ("0-0", "0-0.1", b'{"page":1,"total":10}')
    assert (continued.kept_steps, continued.state, continued.started_at) == (0, b"", 1_000)
    second = only(events, TaskScheduled)
    assert (second.run_id, second.step) == ("0-0.1", 0)
    assert shard.complete(first, 10) == []
    events = shard.complete(only(shard.complete(second, 20), TaskScheduled), 30)
    ended = only(events, WorkflowSucceeded)
    assert (ended.run_id, ended.output, ended.started_at) == ("0-0.2", b"60", 5_000)
    assert shard.state.closed.get("w").attempt == 1


@BOTH
def test_what_is_open_is_given_up_and_no_clean_up_is_run(forgetful: bool) -> None:
    async def restless(ctx: Any, n: int = 0) -> int:
        async def beside() -> None:
            try:
                await ctx.run("slow")
            finally:
                await ctx.run("never")

        if n == 1:
            return await ctx.run("last")
        ctx.spawn(beside())
        ctx.child("chain")
        ctx.child("chain", parent_close="abandon")
        ctx.child("chain", parent_close="terminate")
        try:
            await ctx.run("one")
            await ctx.continue_as_new(1)
        finally:
            await ctx.run("never")

    shard = DecisionShard(restless, CHAIN, forgetful=forgetful)
    events = shard.start("restless")
    task = next(event for event in events if isinstance(event, TaskScheduled) and event.task == "one")
    events = shard.complete(task)
    assert [event.task for event in events if isinstance(event, TaskCancelled)] == ["slow"]
    assert [event.terminate for event in events if isinstance(event, ChildCancelRequested)] == [False, True]
    assert only(events, TaskScheduled).task == "last"
    assert output(shard.complete(only(events, TaskScheduled), 7)) == 7


@BOTH
def test_unread_signals_of_each_run_come_in_their_order(forgetful: bool) -> None:
    async def reading(ctx: Any, got: list[int]) -> list[int]:
        got.append(await ctx.receive("go"))
        if len(got) == 6:
            return got
        return await ctx.continue_as_new(got=got)

    shard = DecisionShard(reading, forgetful=forgetful)
    shard.start("reading", {"got": []})
    for number in range(1, 6):
        signal(shard, number)
    assert output(signal(shard, 6)) == [1, 2, 3, 4, 5, 6]

    shard = DecisionShard(reading, forgetful=forgetful)
    shard.start("reading", {"got": []}, workflow_id="other")
    assert shard.state.runs["other"].run_id == "0-0"


@BOTH
def test_all_signals_that_wait_are_read_at_once(forgetful: bool) -> None:
    async def reading(ctx: Any, n: int = 0) -> int:
        if n == 0:
            await ctx.run("one")
        got = await ctx.receive("go")
        if got == 5:
            return n
        return await ctx.continue_as_new(n + 1)

    shard = DecisionShard(reading, forgetful=forgetful)
    task = only(shard.start("reading"), TaskScheduled)
    for number in range(1, 6):
        signal(shard, number)
        signal(shard, number + 100, "other")
    events = shard.complete(task)
    assert output(events) == 4
    assert len([event for event in events if isinstance(event, WorkflowContinued)]) == 4
    assert shard.state.runs.get("w") is None


@pytest.mark.parametrize("signals", [0, 1])
def test_a_run_that_waits_for_nothing_does_not_go_on(signals: int) -> None:
    async def spinning(ctx: Any) -> None:
        ctx.publish("turns", 1)
        await ctx.continue_as_new()

    async def spinning_later(ctx: Any, n: int = 0) -> None:
        if n == 0:
            await ctx.run("one")
        await ctx.continue_as_new(1)

    shard = DecisionShard(spinning, spinning_later)
    assert only(shard.start("spinning", workflow_id="a"), WorkflowFailed).error == "headrace.ContinuedAtOnce"
    task = only(shard.start("spinning_later"), TaskScheduled)
    for number in range(signals):
        signal(shard, number)
    assert only(shard.complete(task), WorkflowFailed).error == "headrace.ContinuedAtOnce"


def test_what_is_left_to_be_undone_is_not_forgotten() -> None:
    async def paying(ctx: Any, forget: bool) -> str:
        await ctx.run("pay")
        ctx.compensate("refund")
        if forget:
            ctx.forget_compensations()
            await ctx.continue_as_new(forget=True)
        await ctx.continue_as_new(forget=False)

    shard = DecisionShard(paying)
    events = shard.complete(only(shard.start("paying", {"forget": False}, workflow_id="a"), TaskScheduled))
    assert only(events, TaskScheduled).task == "refund"
    assert only(shard.complete(only(events, TaskScheduled)), WorkflowFailed).error == "headrace.OpenCompensations"
    events = shard.complete(only(shard.start("paying", {"forget": True}), TaskScheduled))
    only(events, WorkflowContinued)


@BOTH
def test_a_request_to_end_ends_it(forgetful: bool) -> None:
    async def stubborn(ctx: Any) -> None:
        try:
            await ctx.run("one")
        finally:
            await ctx.run("clean")
            await ctx.continue_as_new()

    shard = DecisionShard(stubborn, forgetful=forgetful)
    shard.start("stubborn")
    task = only(shard.cancel(), TaskScheduled)
    assert only(shard.complete(task), WorkflowCancelled).reason == "enough"


@BOTH
def test_a_start_is_told_by_what_the_workflow_was_started_with(forgetful: bool) -> None:
    shard = DecisionShard(paging, forgetful=forgetful)
    shard.complete(only(shard.start("paging", {"page": 0}), TaskScheduled), 1)
    assert shard.start("paging", {"page": 0}, command_id="again") == []
    only(shard.start("paging", {"page": 1}, command_id="other"), StartRefused)
    shard.terminate()
    assert shard.start("paging", {"page": 0}, command_id="again") == []
    only(shard.start("paging", {"page": 1}, command_id="other"), StartRefused)
    again = shard.start("paging", {"page": 1}, command_id="rerun", if_exists="rerun")
    assert only(again, WorkflowStarted).attempt == 2


@BOTH
def test_children_of_each_run_have_ids_of_their_own(forgetful: bool) -> None:
    async def family(ctx: Any, n: int = 0) -> None:
        kid = ctx.child("chain")
        await ctx.sleep(1)
        ctx.publish("kid", kid.id)
        await ctx.continue_as_new(n + 1)

    shard = DecisionShard(family, CHAIN, forgetful=forgetful)
    asked = []
    events = shard.start("family")
    for _ in range(3):
        asked.append(only(events, ChildRequested).child_id)
        due = shard.decider.due_at(shard.state)
        assert due is not None
        events = shard.tick(due)
    assert asked == ["w:0", "w:1.1:0", "w:1.2:0"]


@BOTH
def test_a_parent_hears_the_end_of_a_child_that_went_on_anew(forgetful: bool) -> None:
    async def parent(ctx: Any) -> int:
        return await ctx.child("paging", 0) + 1

    shard = DecisionShard(parent, paging, forgetful=forgetful)
    events = shard.hear(only(shard.start("parent"), ChildRequested))
    for number in (1, 2, 3):
        events = shard.complete(only(events, TaskScheduled), number)
    assert output(shard.hear(only(events, WorkflowSucceeded))) == 7


def test_an_input_that_is_too_large_fails_the_workflow() -> None:
    async def large(ctx: Any) -> None:
        await ctx.run("one")
        await ctx.continue_as_new("x" * 1_048_576)

    shard = DecisionShard(large)
    assert only(shard.complete(only(shard.start("large"), TaskScheduled)), WorkflowFailed).error == "ValueError"
