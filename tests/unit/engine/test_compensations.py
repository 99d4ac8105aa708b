"""Sagas: what was done is undone in reverse, to the end, whatever happens meanwhile."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from headrace.contracts.message import Message
from headrace.contracts.task_events import TaskScheduled
from headrace.contracts.workflow_events import WorkflowCancelled, WorkflowFailed, WorkflowSucceeded, WorkflowTimedOut
from headrace.engine.programs.python.errors import CompensationFailed, TaskFailed
from tests.unit.engine.decision_shard import DecisionShard, names, only
from tests.unit.engine.test_loops import output

BOTH = pytest.mark.parametrize("forgetful", [False, True], ids=["live", "rebuilt"])


async def order(ctx: Any) -> str:
    """Do three things, each with what undoes it."""
    for number in range(3):
        reserved = await ctx.run("reserve", number)
        ctx.compensate("release", reserved, why=f"no {number}")
    await ctx.run("charge")
    return "done"


def undone(shard: DecisionShard, events: list[Message], *, failing: str = "") -> tuple[list[Any], list[Message]]:
    """Answer each compensation; return what their inputs were, and what came of the last one."""
    inputs = []
    while tasks := [event for event in events if isinstance(event, TaskScheduled)]:
        (task,) = tasks
        inputs.append(msgspec.json.decode(task.input))
        events = shard.fail(task, "Gone") if failing in str(task.input) and failing else shard.complete(task)
    return inputs, events


def reserved(shard: DecisionShard, start: str = "order") -> list[Message]:
    """Start an order and let its three reservations succeed."""
    events = shard.start(start)
    for number in range(3):
        events = shard.complete(only(events, TaskScheduled), f"r{number}")
    return events


@BOTH
def test_what_was_done_is_undone_in_reverse(forgetful: bool) -> None:
    shard = DecisionShard(order, forgetful=forgetful)
    inputs, ended = undone(shard, shard.fail(only(reserved(shard), TaskScheduled), "CardDeclined"))
    assert inputs == [{"args": [f"r{number}"], "kwargs": {"why": f"no {number}"}} for number in (2, 1, 0)]
    assert (only(ended, WorkflowFailed).error, only(ended, WorkflowFailed).cause) == ("CardDeclined", "why")


@BOTH
def test_one_that_fails_does_not_stop_the_others_and_is_named(forgetful: bool) -> None:
    shard = DecisionShard(order, forgetful=forgetful)
    task = only(reserved(shard), TaskScheduled)
    inputs, ended = undone(shard, shard.fail(task, "CardDeclined"), failing="r1")
    assert len(inputs) == 3
    assert only(ended, WorkflowFailed).cause == "why; compensation release failed: Gone: why"


@BOTH
def test_tracebacks_stand_with_the_attempts_and_not_in_the_cause(forgetful: bool) -> None:
    shard = DecisionShard(order, forgetful=forgetful)
    task = only(reserved(shard), TaskScheduled)
    refund = only(shard.fail(task, "CardDeclined", cause="CardDeclined: no\n\nTraceback: 1"), TaskScheduled)
    _, ended = undone(shard, shard.fail(refund, "Gone", cause="Gone: for good\n\nTraceback: 2"))
    assert only(ended, WorkflowFailed).cause == (
        "CardDeclined: no\n\nTraceback: 1\n\ncompensation release failed: Gone: for good"
    )


@BOTH
def test_a_workflow_that_is_cancelled_undoes_too(forgetful: bool) -> None:
    shard = DecisionShard(order, forgetful=forgetful)
    reserved(shard)
    inputs, ended = undone(shard, shard.cancel(), failing="r2")
    assert len(inputs) == 3
    assert only(ended, WorkflowCancelled).reason == "enough; compensation release failed: Gone"


@BOTH
def test_a_workflow_that_takes_too_long_undoes_too(forgetful: bool) -> None:
    async def slow(ctx: Any) -> None:
        ctx.compensate("release", 1)
        await ctx.sleep("2h")

    definition = type("Slow", (), {"function": staticmethod(slow), "name": "slow", "timeout_ms": 60_000})()
    shard = DecisionShard(definition, forgetful=forgetful)
    shard.start("slow")
    inputs, ended = undone(shard, shard.tick(61_001))
    assert inputs == [1]
    only(ended, WorkflowTimedOut)


@BOTH
def test_a_request_to_end_does_not_stop_what_is_being_undone(forgetful: bool) -> None:
    shard = DecisionShard(order, forgetful=forgetful)
    events = shard.fail(only(reserved(shard), TaskScheduled), "CardDeclined")
    assert names(shard.cancel()) == ["CancelRequested"]
    inputs, ended = undone(shard, events)
    assert len(inputs) == 3
    assert only(ended, WorkflowFailed).error == "CardDeclined"


@BOTH
def test_an_error_of_the_workflows_own_code_undoes_too(forgetful: bool) -> None:
    async def wrong(ctx: Any) -> Any:
        ctx.compensate("release", 1)
        await ctx.run("one")
        return {}["missing"]

    shard = DecisionShard(wrong, forgetful=forgetful)
    events = shard.complete(only(shard.start("wrong"), TaskScheduled))
    _, ended = undone(shard, events, failing="1")
    failed = only(ended, WorkflowFailed)
    assert failed.error == "KeyError"
    assert "compensation release failed: Gone: why" in failed.cause


@BOTH
def test_a_result_that_cannot_be_returned_undoes_too(forgetful: bool) -> None:
    async def wrong(ctx: Any) -> Any:
        ctx.compensate("release", 1)
        await ctx.run("one")
        return object()

    shard = DecisionShard(wrong, forgetful=forgetful)
    inputs, ended = undone(shard, shard.complete(only(shard.start("wrong"), TaskScheduled)))
    assert inputs == [1]
    assert only(ended, WorkflowFailed).error == "headrace.SerializationError"


@BOTH
def test_a_workflow_that_succeeds_undoes_nothing(forgetful: bool) -> None:
    shard = DecisionShard(order, forgetful=forgetful)
    assert names(shard.complete(only(reserved(shard), TaskScheduled))) == ["TaskSucceeded", "WorkflowSucceeded"]


@BOTH
def test_a_workflow_can_undo_and_go_on(forgetful: bool) -> None:
    async def refusing(ctx: Any) -> str:
        ctx.compensate("release", 1)
        ctx.compensate("release", 2)
        try:
            await ctx.run("charge")
        except TaskFailed as failed:
            try:
                await ctx.undo()
            except CompensationFailed as incomplete:
                return f"{failed.error}, {incomplete}"
            return f"refused: {failed.error}"
        return "accepted"

    shard = DecisionShard(refusing, forgetful=forgetful)
    inputs, ended = undone(shard, shard.fail(only(shard.start("refusing"), TaskScheduled), "Declined"))
    assert inputs == [2, 1]
    assert output(ended) == "refused: Declined"
    shard = DecisionShard(refusing, forgetful=forgetful)
    inputs, ended = undone(shard, shard.fail(only(shard.start("refusing"), TaskScheduled), "Declined"), failing="2")
    assert inputs == [2, 1]
    assert output(ended) == "Declined, compensation release failed: Gone: why"


@BOTH
def test_a_request_to_end_while_it_undoes_comes_afterwards(forgetful: bool) -> None:
    async def refusing(ctx: Any) -> str:
        ctx.compensate("release", 1)
        ctx.compensate("release", 2)
        await ctx.undo()
        return await ctx.run("never")

    shard = DecisionShard(refusing, forgetful=forgetful)
    events = shard.start("refusing")
    shard.cancel()
    inputs, ended = undone(shard, events)
    assert inputs == [2, 1]
    assert only(ended, WorkflowCancelled).reason == "enough"


@BOTH
def test_its_input_is_what_it_was_when_it_was_registered(forgetful: bool) -> None:
    async def changing(ctx: Any) -> None:
        ids = ["a"]
        ctx.compensate("release", ids)
        ids.append("b")
        await ctx.run("one")
        raise RuntimeError

    shard = DecisionShard(changing, forgetful=forgetful)
    inputs, _ = undone(shard, shard.complete(only(shard.start("changing"), TaskScheduled)))
    assert inputs == [["a"]]


def test_what_is_no_task_is_refused_where_it_is_registered() -> None:
    async def wrong(ctx: Any) -> None:
        ctx.compensate(7)

    failed = only(DecisionShard(wrong).start("wrong"), WorkflowFailed)
    assert "Expected a @task function or a task's name, but found 7" in failed.cause


def test_what_is_forgotten_is_not_undone() -> None:
    async def bold(ctx: Any) -> None:
        ctx.compensate("release", 1)
        ctx.forget_compensations()
        raise RuntimeError

    assert names(DecisionShard(bold).start("bold"))[-1] == "WorkflowFailed"
    assert not any(isinstance(event, WorkflowSucceeded) for event in DecisionShard(bold).start("bold"))
