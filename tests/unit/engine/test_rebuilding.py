"""Workflows with long records: their coroutines are rebuilt in slices, and others are decided between them."""

from __future__ import annotations

from typing import Any

from headrace.contracts.message import Message
from headrace.contracts.rebuild_events import RebuildBegun, RebuildEnded
from headrace.contracts.task_events import TaskScheduled
from headrace.contracts.workflow_events import WorkflowStuck
from headrace.engine.context import Limits
from tests.unit.engine.decision_shard import DecisionShard, names, only
from tests.unit.engine.workflows import CHAIN, sequence

STEPS = 100
SLICE = 30


def long_run() -> tuple[DecisionShard, TaskScheduled]:
    """Return a shard with a workflow in the middle of its life, whose coroutine is gone, and the task that it waits
    for.
    """
    shard = DecisionShard(sequence, CHAIN, limits=Limits(replay_at_once=SLICE), forgetful=False)
    task = only(shard.start("sequence", 1_000, workflow_id="long"), TaskScheduled)
    for _ in range(STEPS):
        task = only(shard.complete(task), TaskScheduled)
    shard.take_over()
    return shard, task


def ticks(shard: DecisionShard) -> list[list[Message]]:
    """Tick until nothing is rebuilt; return the events of each tick."""
    found = []
    while shard.state.rebuilding:
        assert shard.decider.due_at(shard.state) == 1
        found.append(shard.tick(shard.now_ms))
    return found


def test_others_are_decided_between_the_slices() -> None:
    shard, task = long_run()
    assert names(shard.complete(task)) == ["TaskSucceeded", "RebuildBegun"]
    assert shard.tick(shard.now_ms) == []
    assert names(shard.start("chain", workflow_id="short")) == ["WorkflowStarted", "TaskScheduled"]
    rest = ticks(shard)
    assert [len(events) for events in rest[:-1]] == [0] * (STEPS // SLICE - 1)
    assert names(rest[-1]) == ["RebuildEnded", "TaskScheduled"]
    following = only(rest[-1], TaskScheduled)
    assert (following.workflow_id, following.step) == ("long", STEPS + 1)
    assert shard.decider.due_at(shard.state) is None
    assert names(shard.complete(following)) == ["TaskSucceeded", "TaskScheduled"]


def test_a_coroutine_that_is_live_needs_no_rebuilding() -> None:
    shard, task = long_run()
    shard.complete(task)
    following = only(ticks(shard)[-1], TaskScheduled)
    for _ in range(3):
        following = only(shard.complete(following), TaskScheduled)
    assert not [event for event in shard.journal[-6:] if isinstance(event, RebuildBegun)]


def test_a_new_owner_begins_anew() -> None:
    shard, task = long_run()
    shard.complete(task)
    shard.tick(shard.now_ms)
    shard.take_over()
    assert list(shard.state.rebuilding) == ["long"]
    found = ticks(shard)
    assert len(found) == STEPS // SLICE + 1
    assert only(found[-1], TaskScheduled).step == STEPS + 1


def test_many_others_do_not_drive_it_out() -> None:
    shard = DecisionShard(sequence, CHAIN, limits=Limits(replay_at_once=1, live_coroutines=1))
    task = only(shard.start("sequence", 10, workflow_id="long"), TaskScheduled)
    for _ in range(3):
        task = only(shard.complete(task), TaskScheduled)
    shard.take_over()
    shard.complete(task)
    for at in range(4):
        shard.start("chain", workflow_id=f"short-{at}")
        shard.tick(shard.now_ms)
    assert not shard.state.rebuilding


def test_what_comes_meanwhile_is_recorded_and_seen_afterwards() -> None:
    shard, task = long_run()
    shard.complete(task)
    assert names(shard.cancel("long")) == ["CancelRequested", "RebuildBegun"]
    found = ticks(shard)
    assert names(found[-1])[0] == "RebuildEnded"
    assert names(found[-1])[-1] == "WorkflowCancelled"


def test_one_that_ends_meanwhile_is_not_rebuilt() -> None:
    shard, task = long_run()
    shard.complete(task)
    assert names(shard.terminate("long"))[-1] == "WorkflowTerminated"
    assert not shard.state.rebuilding
    assert shard.decider.due_at(shard.state) is None


def test_code_that_parts_from_the_record_is_stuck_at_the_slice_where_it_does() -> None:
    shard, task = long_run()

    async def other(ctx: Any, n: int) -> None:
        for at in range(n):
            await ctx.run("one" if at < STEPS // 2 else "two", at)

    shard.definitions.functions[b"sequence"] = other
    shard.new_process()
    shard.complete(task)
    found = [event for events in ticks(shard) for event in events]
    stuck = only(found, WorkflowStuck)
    assert f"Expected step {STEPS // 2} to be [task one -1 one]" in stuck.cause
    assert isinstance(found[-1], RebuildEnded)
