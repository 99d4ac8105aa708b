"""Children of a retried workflow take over what has succeeded in them, under their own ids."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headrace.contracts.child_events import ChildRequested
from headrace.contracts.message import Message
from headrace.contracts.task_events import TaskScheduled
from headrace.contracts.workflow_events import StartRefused, WorkflowCancelled, WorkflowFailed, WorkflowSucceeded
from tests.unit.engine.decision_shard import only
from tests.unit.engine.retrying import play, reused, run_names
from tests.unit.engine.versions import OperatedShard


@pytest.fixture(params=[False, True], ids=["live", "rebuilt at every input"])
def shard(request: pytest.FixtureRequest) -> OperatedShard:
    return OperatedShard(forgetful=request.param)


async def kid(ctx: Any, at: int) -> list[Any]:
    return [await ctx.run("one", at), await ctx.run("two", at)]


async def family(ctx: Any, named: bool = False) -> list[Any]:
    return [await ctx.child("kid", at=at, id=f"kid-{at}" if named else "") for at in range(2)]


def play_family(shard: OperatedShard, events: list[Message], fail: str = "") -> list[Message]:
    """Answer tasks and children of the family to the end."""
    todo, seen = list(events), []
    while todo:
        event = todo.pop(0)
        seen.append(event)
        if isinstance(event, TaskScheduled):
            failing = fail == f"{event.task} {event.input.decode()}"
            todo += shard.fail(event) if failing else shard.complete(event, f"{event.task} {event.input.decode()}")
        elif "d0" in shard.decider.addressees(event):
            todo += shard.hear(event)
    return seen


@pytest.mark.parametrize("named", [False, True], ids=["ids of their own", "given ids"])
def test_a_child_that_failed_takes_over_too_when_its_parent_is_retried(shard: OperatedShard, named: bool) -> None:
    shard.deploy(kid)
    shard.deploy(family)
    before = play_family(shard, shard.start("family", {"named": named}), fail="two 1")
    assert isinstance(before[-1], WorkflowFailed)
    ids = [event.child_id for event in before if isinstance(event, ChildRequested)]
    events = play_family(shard, shard.retry())
    assert reused(events) == ["kid", "one"]
    assert run_names(events) == ["two"]
    request = only(events, ChildRequested)
    assert (request.child_id, request.again) == (ids[1], True)
    assert isinstance(events[-1], WorkflowSucceeded)
    assert json.loads(events[-1].output) == [["one 0", "two 0"], ["one 1", "two 1"]]


def test_a_child_that_was_given_up_takes_over_too(shard: OperatedShard) -> None:
    async def both(ctx: Any) -> list[Any]:
        return list(await ctx.gather(*(ctx.child("kid", at=at) for at in range(2))))

    shard.deploy(kid)
    shard.deploy(both)
    asked = [event for event in shard.start("both") if isinstance(event, ChildRequested)]
    first, second = (only(shard.hear(request), TaskScheduled) for request in asked)
    shard.complete(second, "one 1")
    failed = shard.fail(first)
    ended = play_family(shard, failed)
    assert isinstance(ended[-1], WorkflowCancelled)
    events = play_family(shard, shard.retry())
    assert reused(events) == ["one"]
    assert sorted(run_names(events)) == ["one", "two", "two"]
    assert isinstance(events[-1], WorkflowSucceeded)


def test_an_id_that_was_somebody_else_s_is_not_run_again(shard: OperatedShard) -> None:
    shard.deploy(kid)
    shard.deploy(family)
    play(shard, shard.start("kid", {"at": 7}, workflow_id="kid-0", command_id="c7"))
    before = play_family(shard, shard.start("family", {"named": True}))
    assert only(before, StartRefused).error == "headrace.AlreadyExists"
    events = play_family(shard, shard.retry())
    assert not only(events, ChildRequested).again
    assert only(events, StartRefused).error == "headrace.AlreadyExists"
