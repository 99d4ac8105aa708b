"""Children that are started and awaited later, or not at all; what becomes of them when their parent ends."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.contracts.child_events import ChildCancelRequested, ChildRequested
from headrace.contracts.message import Message
from headrace.contracts.task_events import TaskScheduled
from headrace.contracts.wait_events import SignalReceived, SignalRequested, StepAnswered
from headrace.contracts.workflow_events import (
    CancelRequested,
    WorkflowFailed,
    WorkflowStuck,
    WorkflowSucceeded,
    WorkflowTerminated,
)
from headrace.engine.context import Limits
from headrace.engine.programs.python.errors import ChildFailed
from tests.unit.engine.decision_shard import DecisionShard, names, only
from tests.unit.engine.test_loops import output

BOTH = pytest.mark.parametrize("forgetful", [False, True], ids=["live", "rebuilt"])
POLICIES = pytest.mark.parametrize("policy", ["cancel", "terminate", "abandon"])


async def kid(ctx: Any, n: int = 0) -> int:
    """Return what a task returns."""
    return n + await ctx.run("work", n)


async def parent(ctx: Any, policy: str = "cancel", end: str = "return") -> str:
    """Start a child, and end without it."""
    child = ctx.child("kid", 1, parent_close=policy)
    await ctx.run("own")
    if end == "raise":
        raise RuntimeError
    if end == "await":
        return str(await child)
    return str(child.id)


def started(shard: DecisionShard, **fields: Any) -> tuple[TaskScheduled, TaskScheduled]:
    """Start the parent and its child; return the task of each."""
    events = shard.start("parent", fields)
    child = shard.hear(only(events, ChildRequested))
    return only(events, TaskScheduled), only(child, TaskScheduled)


@BOTH
def test_a_child_runs_beside_its_parent(forgetful: bool) -> None:
    async def beside(ctx: Any) -> list[Any]:
        first, second = ctx.child("kid", 1), ctx.child("kid", n=2, id="second")
        own = await ctx.run("own")
        before = first.done
        return [own, before, await second, await first, await first, first.done, first.id, second.id]

    shard = DecisionShard(beside, kid, forgetful=forgetful)
    events = shard.start("beside")
    assert names(events) == ["WorkflowStarted", "ChildRequested", "ChildRequested", "TaskScheduled"]
    asked = [event for event in events if isinstance(event, ChildRequested)]
    children = [only(shard.hear(event), TaskScheduled) for event in asked]
    shard.hear(only(shard.complete(children[0], 10), WorkflowSucceeded))
    shard.complete(only(events, TaskScheduled), "own")
    ended = shard.hear(only(shard.complete(children[1], 20), WorkflowSucceeded))
    assert output(ended) == ["own", True, 22, 11, 11, True, "w:0", "second"]


@BOTH
def test_a_child_that_fails_fails_who_awaits_it(forgetful: bool) -> None:
    async def catching(ctx: Any) -> str:
        child = ctx.child("kid", 1)
        try:
            return str(await child)
        except ChildFailed as failed:
            return f"{failed.workflow} {failed.status} {failed.error}"

    shard = DecisionShard(catching, kid, forgetful=forgetful)
    task = only(shard.hear(only(shard.start("catching"), ChildRequested)), TaskScheduled)
    assert output(shard.hear(only(shard.fail(task), WorkflowFailed))) == "kid FAILED ValueError"


@BOTH
def test_a_child_can_be_given_up(forgetful: bool) -> None:
    async def changing(ctx: Any) -> str:
        child = ctx.child("kid", 1)
        await ctx.run("own")
        child.cancel("changed my mind")
        child.cancel("again")
        try:
            return str(await child)
        except ChildFailed as failed:
            return f"{failed.status}: {failed.cause}"

    shard = DecisionShard(changing, kid, forgetful=forgetful)
    events = shard.start("changing")
    shard.hear(only(events, ChildRequested))
    ended = shard.complete(only(events, TaskScheduled))
    assert output(ended) == "CANCELLED: changed my mind"
    assert only(shard.hear(only(ended, ChildCancelRequested)), CancelRequested).reason == "changed my mind"


@BOTH
def test_a_child_can_be_signalled(forgetful: bool) -> None:
    async def waiting(ctx: Any) -> Any:
        return await ctx.receive("go")

    async def sending(ctx: Any) -> Any:
        child = ctx.child("waiting")
        await child.signal("go", {"n": 7})
        return await child

    shard = DecisionShard(sending, waiting, forgetful=forgetful)
    events = shard.start("sending")
    shard.hear(only(events, ChildRequested))
    got = shard.hear(only(events, SignalRequested))
    assert (only(got, SignalReceived).workflow_id, only(got, SignalReceived).name) == ("w:0", "go")
    shard.hear(only(got, StepAnswered))
    assert output(shard.hear(only(got, WorkflowSucceeded))) == {"n": 7}


def became(shard: DecisionShard, ended: list[Message]) -> str:
    """Return what a parent's end does to its child."""
    asked = [event for event in ended if isinstance(event, ChildCancelRequested)]
    if not asked:
        return "abandon"
    (event,) = asked
    followed = shard.hear(event)
    if "WorkflowTerminated" in names(followed):
        return "terminate"
    return "cancel" if "CancelRequested" in names(followed) else ""


@BOTH
@POLICIES
@pytest.mark.parametrize("end", ["return", "raise"])
def test_a_parent_that_ends_heeds_what_becomes_of_its_child(end: str, policy: str, forgetful: bool) -> None:
    shard = DecisionShard(parent, kid, forgetful=forgetful)
    own, _ = started(shard, policy=policy, end=end)
    ended = shard.complete(own)
    assert names(ended)[-1] == ("WorkflowSucceeded" if end == "return" else "WorkflowFailed")
    assert became(shard, ended) == policy


@BOTH
@POLICIES
def test_a_parent_that_is_cancelled_where_it_waits_for_its_child(policy: str, forgetful: bool) -> None:
    shard = DecisionShard(parent, kid, forgetful=forgetful)
    own, _ = started(shard, policy=policy, end="await")
    shard.complete(own)
    ended = shard.cancel()
    assert names(ended)[-1] == "WorkflowCancelled"
    assert became(shard, ended) == policy


@BOTH
@POLICIES
def test_a_parent_that_is_terminated(policy: str, forgetful: bool) -> None:
    shard = DecisionShard(parent, kid, forgetful=forgetful)
    started(shard, policy=policy)
    # Its children are asked to end, or ended, by what was said of each.
    assert became(shard, shard.terminate()) == policy


@BOTH
def test_the_end_of_an_abandoned_child_changes_nothing(forgetful: bool) -> None:
    shard = DecisionShard(parent, kid, forgetful=forgetful)
    own, work = started(shard, policy="abandon")
    shard.complete(own)
    ended = shard.complete(work, 1)
    assert only(ended, WorkflowSucceeded).workflow_id == "w:0"
    assert shard.hear(*ended) == []


def test_a_child_that_is_stuck_is_ended_when_it_is_to_be_terminated() -> None:
    shard = DecisionShard(parent, kid)
    own, work = started(shard, policy="terminate")
    shard.definitions._by_name["kid"] = shard.definitions._by_name["parent"]
    shard.new_process()
    only(shard.complete(work), WorkflowStuck)
    asked = only(shard.complete(own), ChildCancelRequested)
    assert only(shard.hear(asked), WorkflowTerminated).workflow_id == "w:0"


def test_what_does_not_fit_is_refused() -> None:
    async def wrong(ctx: Any) -> None:
        ctx.child("kid", parent_close="keep")

    failed = only(DecisionShard(wrong).start("wrong"), WorkflowFailed)
    assert failed.error == "ValueError"
    assert "Expected parent_close to be one of cancel, terminate, abandon, but found 'keep'" in failed.cause


@pytest.mark.parametrize("awaited", [True, False], ids=["awaited", "left alone"])
def test_ten_thousand_children_of_one_parent(awaited: bool) -> None:
    count = 10_000

    async def many(ctx: Any) -> int:
        children = [ctx.child("kid", at) for at in range(count)]
        await ctx.run("own")
        return sum(await ctx.gather(*children)) if awaited else len(children)

    shard = DecisionShard(many, kid, limits=Limits(), replays=False)
    events, parts = list(shard.start("many")), 1
    while shard.state.pending:
        events += shard.resume()
        parts += 1
    asked = [event for event in events if isinstance(event, ChildRequested)]
    assert len({event.child_id for event in asked}) == count
    assert parts > 1  # no part is larger than a record
    tasks = [only(shard.hear(event), TaskScheduled) for event in asked]
    ended = list(shard.complete(only(events, TaskScheduled)))
    while shard.state.pending:
        ended += shard.resume()
    if not awaited:
        assert output(ended) == count
        assert len([event for event in ended if isinstance(event, ChildCancelRequested)]) == count
        return
    for task in tasks:
        ended = shard.hear(only(shard.complete(task, 1), WorkflowSucceeded))
    assert output(ended) == sum(range(count)) + count
