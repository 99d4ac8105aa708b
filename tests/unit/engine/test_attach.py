"""Attaching to a workflow that somebody else has started: running, ended, forgotten, unknown."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from headrace.contracts.task_events import TaskScheduled
from headrace.contracts.wait_events import (
    AttachRequested,
    StepAnswered,
    StepCancelled,
    StepEnded,
    WatcherAdded,
    WatcherRemoved,
)
from headrace.contracts.workflow_events import ActivationYielded, WorkflowFailed, WorkflowSucceeded
from headrace.engine.context import Limits, Shards
from headrace.engine.programs.python.errors import AttachFailed, WaitTimedOut
from tests.unit.engine.decision_shard import DecisionShard, names, only
from tests.unit.engine.workflows import CHAIN


async def work(ctx: Any) -> Any:
    return await ctx.run("one")


async def watch(ctx: Any, id: str = "target") -> Any:
    try:
        return await ctx.attach(id)
    except AttachFailed as failed:
        return [failed.error, failed.status, failed.cause, failed.workflow_id]


async def glance(ctx: Any) -> Any:
    try:
        return await ctx.attach("target", timeout="10s")
    except WaitTimedOut:
        return "gone on"


async def cyclic(ctx: Any) -> Any:
    return await ctx.attach(ctx.workflow_id)


async def again(ctx: Any, n: int = 0) -> Any:
    await ctx.run("one")
    if n < 2:
        await ctx.continue_as_new(n + 1)
    return n


@pytest.fixture(params=[False, True], ids=["live", "rebuilt"])
def shard(request: pytest.FixtureRequest) -> DecisionShard:
    return DecisionShard(work, watch, glance, cyclic, again, CHAIN, forgetful=request.param)


def attached(shard: DecisionShard, name: str = "watch", **fields: Any) -> AttachRequested:
    return only(shard.start(name, workflow_id="watcher", **fields), AttachRequested)


def output(events: list[Any]) -> Any:
    return msgspec.json.decode(only(events, WorkflowSucceeded).output)


def test_the_end_of_a_running_workflow_is_told(shard: DecisionShard) -> None:
    task = only(shard.start("work", workflow_id="target"), TaskScheduled)
    added = shard.hear(attached(shard))
    assert names(added) == ["WatcherAdded"]
    events = shard.complete(task, 42)
    assert names(events) == ["TaskSucceeded", "WorkflowSucceeded", "StepAnswered"]
    ended = shard.hear(only(events, StepAnswered))
    assert (only(ended, StepEnded).kind, output(ended)) == ("attach", 42)


def test_a_workflow_that_has_ended_is_remembered(shard: DecisionShard) -> None:
    shard.complete(only(shard.start("work", workflow_id="target"), TaskScheduled), {"rows": 3})
    answered = only(shard.hear(attached(shard)), StepAnswered)
    assert output(shard.hear(answered)) == {"rows": 3}


@pytest.mark.parametrize("before", [True, False], ids=["attached before the end", "attached after it"])
def test_a_workflow_that_did_not_succeed_raises_with_its_error(shard: DecisionShard, before: bool) -> None:
    task = only(shard.start("work", workflow_id="target"), TaskScheduled)
    asked = attached(shard)
    events = shard.hear(asked) if before else []
    events = shard.fail(task, "KeyError")
    if not before:
        events = shard.hear(asked)
    assert output(shard.hear(only(events, StepAnswered))) == ["KeyError", "FAILED", "why", "target"]


def test_a_terminated_workflow_tells_too(shard: DecisionShard) -> None:
    shard.start("work", workflow_id="target")
    shard.hear(attached(shard))
    answered = only(shard.terminate("target"), StepAnswered)
    assert output(shard.hear(answered))[:2] == ["headrace.Terminated", "TERMINATED"]


def test_an_unknown_workflow_is_not_found(shard: DecisionShard) -> None:
    answered = only(shard.hear(attached(shard)), StepAnswered)
    error, _, cause, _ = output(shard.hear(answered))
    assert error == "headrace.NotFound"
    assert cause.startswith("Expected ")


def test_a_result_that_is_no_longer_kept_is_said_to_be_forgotten() -> None:
    shard = DecisionShard(work, watch, limits=Limits(outcomes_limit=1))
    for number in range(3):
        name = "target" if not number else f"other-{number}"
        shard.complete(only(shard.start("work", workflow_id=name), TaskScheduled))
    answered = only(shard.hear(attached(shard)), StepAnswered)
    assert output(shard.hear(answered))[0] == "headrace.OutcomeForgotten"


def test_a_failure_that_nobody_catches_is_the_workflows_own() -> None:
    async def bare(ctx: Any) -> Any:
        return await ctx.attach("target")

    shard = DecisionShard(bare)
    answered = only(shard.hear(only(shard.start("bare"), AttachRequested)), StepAnswered)
    assert only(shard.hear(answered), WorkflowFailed).error == "headrace.NotFound"


def test_a_wait_that_takes_too_long_is_given_up_and_the_other_goes_on(shard: DecisionShard) -> None:
    task = only(shard.start("work", workflow_id="target"), TaskScheduled)
    shard.hear(attached(shard, "glance"))
    events = shard.tick(shard.now_ms + 10_000)
    assert output(events) == "gone on"
    assert names(shard.hear(only(events, StepCancelled))) == ["WatcherRemoved"]
    assert names(shard.complete(task)) == ["TaskSucceeded", "WorkflowSucceeded"]


def test_who_ends_waits_no_longer(shard: DecisionShard) -> None:
    task = only(shard.start("work", workflow_id="target"), TaskScheduled)
    shard.hear(attached(shard))
    cancelled = only(shard.terminate("watcher"), StepCancelled)
    assert (cancelled.target, cancelled.to_shard) == ("target", 0)
    only(shard.hear(cancelled), WatcherRemoved)
    assert shard.hear(cancelled) == []
    assert names(shard.complete(task)) == ["TaskSucceeded", "WorkflowSucceeded"]


def test_an_answer_that_comes_after_the_wait_changes_nothing(shard: DecisionShard) -> None:
    task = only(shard.start("work", workflow_id="target"), TaskScheduled)
    shard.hear(attached(shard))
    shard.terminate("watcher")
    answered = only(shard.complete(task), StepAnswered)
    assert shard.hear(answered) == []


def test_only_so_many_may_wait_for_one_workflow() -> None:
    shard = DecisionShard(work, watch, limits=Limits(watchers_per_run=1))
    shard.start("work", workflow_id="target")
    only(shard.hear(attached(shard)), WatcherAdded)
    second = only(shard.start("watch", workflow_id="second"), AttachRequested)
    assert only(shard.hear(second), StepAnswered).error == "headrace.TooManyWatchers"


def test_many_who_wait_are_told_in_parts_that_fit_a_record() -> None:
    shard = DecisionShard(work, watch, limits=Limits(decision_bytes=4_000))
    task = only(shard.start("work", workflow_id="target"), TaskScheduled)
    for number in range(9):
        shard.hear(only(shard.start("watch", workflow_id=f"watcher-{number}"), AttachRequested))
    parts = [shard.complete(task, "x" * 1_000)]
    shard.take_over()
    while shard.state.pending:
        parts.append(shard.resume())
        shard.take_over()
    told = [event for part in parts for event in part if isinstance(event, StepAnswered)]
    assert [event.workflow_id for event in told] == [f"watcher-{number}" for number in range(9)]
    assert len(parts) == 3
    assert sum(isinstance(event, ActivationYielded) for part in parts for event in part) == len(parts) - 1
    assert not shard.state.telling


def test_requests_go_to_the_shard_of_the_other_and_answers_to_that_of_the_asker() -> None:
    shard = DecisionShard(work, watch, shards=Shards(shard=0, decision=1))
    asked = attached(shard)
    assert list(shard.decider.addressees(asked)) == ["d0"]
    answered = only(shard.hear(asked), StepAnswered)
    assert list(shard.decider.addressees(answered)) == ["d0"]
    foreign = msgspec.structs.replace(asked, to_shard=3)
    assert shard.hear(foreign) == []


def test_a_workflow_cannot_wait_for_itself(shard: DecisionShard) -> None:
    failed = only(shard.start("cyclic"), WorkflowFailed)
    assert (failed.error, "itself" in failed.cause) == ("ValueError", True)


def test_a_stuck_workflow_can_be_waited_for(shard: DecisionShard) -> None:
    task = only(shard.start("work", workflow_id="target"), TaskScheduled)
    asked = attached(shard)
    definitions = dict(shard.definitions._by_name)
    shard.definitions._by_name.clear()
    shard.new_process()
    assert names(shard.complete(task)) == ["TaskSucceeded", "WorkflowStuck"]
    assert names(shard.hear(asked)) == ["WatcherAdded"]
    shard.definitions._by_name.update(definitions)


def test_a_workflow_that_goes_on_as_new_is_waited_for_to_its_real_end(shard: DecisionShard) -> None:
    events = shard.start("again", workflow_id="target")
    shard.hear(attached(shard))
    for _ in range(3):
        assert not any(isinstance(event, StepAnswered) for event in events)
        events = shard.complete(only(events, TaskScheduled))
    assert output(shard.hear(only(events, StepAnswered))) == 2
