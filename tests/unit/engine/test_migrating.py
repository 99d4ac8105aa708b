"""Moving workflows to another version, and stuck ones that go on after a fix: whatever happens, nothing is lost."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.contracts.control_events import MigrationChecked, WorkflowMigrated, WorkflowResumed
from headrace.contracts.message import Message
from headrace.contracts.task_events import TaskScheduled, TaskSucceeded
from headrace.contracts.wait_events import CommandRefused
from headrace.contracts.workflow_events import WorkflowStuck, WorkflowSucceeded
from headrace.engine.context import Limits
from headrace.engine.run import RUNNING, STUCK
from tests.unit.engine.decision_shard import names, only
from tests.unit.engine.versions import OperatedShard
from tests.unit.engine.workflows import CHAIN

CHECK_MS = 5_000


async def first(ctx: Any) -> list[Any]:
    return [await ctx.run("a"), await ctx.run("b")]


async def longer(ctx: Any) -> list[Any]:
    return [await ctx.run("a"), await ctx.run("b"), await ctx.run("c")]


async def parted(ctx: Any) -> list[Any]:
    return [await ctx.run("other"), await ctx.run("b")]


async def wide(ctx: Any) -> list[Any]:
    return list(await ctx.gather(*(ctx.run(task) for task in ("a", "b", "c"))))


async def wider(ctx: Any) -> list[Any]:
    return list(await ctx.gather(*(ctx.run(task) for task in ("a", "b", "c", "d"))))


def shard_with(workflow: Any, **options: Any) -> OperatedShard:
    shard = OperatedShard(**options)
    shard.deploy(workflow, "v1", "w")
    return shard


def tasks(events: list[Message]) -> list[TaskScheduled]:
    return [event for event in events if isinstance(event, TaskScheduled)]


def test_a_version_that_asks_for_the_same_takes_the_run_over_and_goes_on_its_own_way() -> None:
    shard = shard_with(first)
    task = only(shard.complete(only(shard.start("w"), TaskScheduled)), TaskScheduled)
    shard.deploy(longer, "v2", "w")
    migrated = only(shard.migrate(version="v2"), WorkflowMigrated)
    assert (migrated.from_version, migrated.version) == ("v1", "v2")
    shard.take_over()
    assert only(shard.complete(task), TaskScheduled).task == "c"


def test_a_version_that_asks_for_more_at_the_same_place_asks_for_it_at_once() -> None:
    shard = shard_with(wide)
    shard.start("w")
    shard.deploy(wider, "v2", "w")
    events = shard.migrate()
    assert names(events) == ["WorkflowMigrated", "TaskScheduled"]
    assert only(events, TaskScheduled).task == "d"


def test_a_version_that_parts_is_refused_with_the_step_and_both_sides_and_the_run_goes_on() -> None:
    shard = shard_with(first)
    task = only(shard.start("w"), TaskScheduled)
    shard.deploy(parted, "v2", "w")
    refused = only(shard.migrate(version="v2", command_id="m"), CommandRefused)
    assert (refused.command_id, refused.command, refused.error) == ("m", "MigrateWorkflow", "headrace.ReplayMismatch")
    assert "step 0" in refused.cause
    assert "[task a -1 a]" in refused.cause
    assert "[task other -1 other]" in refused.cause
    assert only(shard.complete(task), TaskScheduled).task == "b"
    assert shard.state.runs["w"].version == "v1"


def test_a_dry_run_says_whether_it_agrees_and_changes_nothing() -> None:
    shard = shard_with(first)
    task = only(shard.start("w"), TaskScheduled)
    shard.deploy(longer, "v2", "w")
    shard.deploy(parted, "v3", "w")
    checked = only(shard.migrate(version="v2", dry_run=True), MigrationChecked)
    assert (checked.version, checked.steps) == ("v2", 1)
    assert only(shard.migrate(version="v3", dry_run=True), CommandRefused).error == "headrace.ReplayMismatch"
    assert shard.state.runs["w"].version == "v1"
    assert only(shard.complete(task), TaskScheduled).task == "b"


def test_without_a_version_the_latest_is_meant_and_the_own_version_changes_nothing() -> None:
    shard = shard_with(first)
    shard.start("w")
    assert shard.migrate() == []
    shard.deploy(longer, "v2", "w")
    assert only(shard.migrate(), WorkflowMigrated).version == "v2"
    assert only(shard.migrate(version="v9"), CommandRefused).error == "headrace.UnknownDefinition"


def test_a_paused_run_moves_and_stays_paused() -> None:
    shard = shard_with(wide)
    shard.start("w")
    shard.pause()
    shard.deploy(wider, "v2", "w")
    assert names(shard.migrate()) == ["WorkflowMigrated"]
    assert only(shard.go_on(), TaskScheduled).task == "d"


def stuck_shard(workflow: Any, **options: Any) -> tuple[OperatedShard, list[TaskScheduled]]:
    """Return a shard on which `w` is stuck at the end of its first task, since its code was changed in place."""
    shard = shard_with(workflow, **options)
    found = tasks(shard.start("w"))
    shard.definitions.functions[b"w@v1"] = parted
    shard.new_process()
    assert only(shard.complete(found[0], "A"), WorkflowStuck).error == "headrace.NonDeterministic"
    return shard, found


def test_a_stuck_run_goes_on_by_itself_once_a_version_is_deployed_that_agrees() -> None:
    shard, _ = stuck_shard(first, limits=Limits(stuck_check_ms=CHECK_MS))
    assert shard.tick(shard.now_ms) == []
    shard.deploy(longer, "v2", "w")
    due = shard.decider.due_at(shard.state)
    assert due == shard.now_ms + CHECK_MS
    events = shard.tick(due)
    assert names(events) == ["WorkflowMigrated", "WorkflowResumed", "TaskScheduled"]
    shard.complete(only(shard.complete(only(events, TaskScheduled), "B"), TaskScheduled), "C")
    assert only(shard.journal, WorkflowSucceeded).output == b'["A","B","C"]'
    assert shard.decider.due_at(shard.state) is None


def test_what_waited_with_it_is_decided_in_its_order_and_nothing_is_lost() -> None:
    shard, found = stuck_shard(wide)
    assert names(shard.complete(found[2], "C")) == ["CommandHeld"]
    assert names(shard.complete(found[1], "B")) == ["CommandHeld"]
    shard.deploy(wide, "v2", "w")
    assert names(shard.migrate()) == ["WorkflowMigrated", "WorkflowResumed", "ActivationYielded"]
    assert shard.state.runs["w"].status == RUNNING
    late = names(shard.complete(found[1], "B"))
    assert late == ["CommandHeld"], "what comes before those that waited are decided waits behind them"
    events = shard.resume()
    assert [event.task for event in events if isinstance(event, TaskSucceeded)] == ["c", "b"]
    assert only(events, WorkflowSucceeded).output == b'["A","B","C"]'
    assert not shard.decider.has_pending(shard.state)


def test_what_waited_is_decided_in_bounded_parts() -> None:
    shard, found = stuck_shard(wide, limits=Limits(decision_bytes=1_000))
    for task in found[1:]:
        shard.complete(task, "x" * 600)
    shard.deploy(wide, "v2", "w")
    shard.migrate()
    rounds = 0
    while shard.decider.has_pending(shard.state):
        shard.take_over()
        shard.resume()
        rounds += 1
    assert rounds > 1
    assert "w" not in shard.state.runs


def test_a_run_that_gets_stuck_again_keeps_what_is_left_for_the_next_time() -> None:
    shard, found = stuck_shard(wide)
    for task in found[1:]:
        shard.complete(task)

    shard.deploy(wide, "v2", "w")
    shard.migrate()
    shard.definitions.functions[b"w@v2"] = parted
    shard.new_process()
    assert names(shard.resume()) == ["ActivationResumed", "WorkflowStuck"]
    assert shard.state.runs["w"].status == STUCK
    assert len(shard.state.runs["w"].held) == 2


def test_a_newer_version_that_does_not_agree_either_is_tried_once_and_said() -> None:
    shard, _ = stuck_shard(first, limits=Limits(stuck_check_ms=CHECK_MS))
    shard.deploy(parted, "v2", "w")
    stuck = only(shard.tick(shard.now_ms), WorkflowStuck)
    assert stuck.tried == "v2"
    assert "v2, deployed since" in stuck.cause
    assert shard.tick(shard.now_ms + CHECK_MS) == []
    shard.take_over()
    assert shard.tick(shard.now_ms + CHECK_MS) == []
    shard.deploy(longer, "v3", "w")
    assert only(shard.tick(shard.now_ms + 2 * CHECK_MS), WorkflowMigrated).version == "v3"


def test_a_definition_that_is_deployed_again_lets_its_runs_go_on() -> None:
    shard = shard_with(CHAIN, limits=Limits(stuck_check_ms=CHECK_MS))
    task = only(shard.start("w"), TaskScheduled)
    shard.versions.versions.clear()
    shard.versions._by_name.clear()
    shard.new_process()
    assert only(shard.complete(task), WorkflowStuck).error == "headrace.DefinitionMissing"
    assert shard.tick(shard.now_ms) == []
    shard.deploy(CHAIN, "v1", "w")
    assert names(shard.tick(shard.now_ms + CHECK_MS)) == ["WorkflowResumed", "TaskScheduled"]


def test_resuming_by_hand_tries_the_same_version_again() -> None:
    shard, _ = stuck_shard(first)
    refused = only(shard.go_on(), CommandRefused)
    assert refused.error == "headrace.ReplayMismatch"
    assert "[task other -1 other]" in refused.cause
    assert shard.state.runs["w"].status == STUCK
    shard.definitions.functions[b"w@v1"] = longer
    shard.new_process()
    events = shard.go_on(reason="put right")
    assert only(events, WorkflowResumed).reason == "put right"
    assert only(events, TaskScheduled).task == "b"


def test_resuming_by_hand_tries_the_latest_version_where_the_own_one_does_not_agree() -> None:
    shard, _ = stuck_shard(first)
    shard.deploy(longer, "v2", "w")
    assert names(shard.go_on())[:2] == ["WorkflowMigrated", "WorkflowResumed"]


def test_a_stuck_run_is_not_paused_and_can_be_terminated() -> None:
    shard, _ = stuck_shard(first)
    assert "STUCK" in only(shard.pause(), CommandRefused).cause
    assert names(shard.terminate()) == ["WorkflowTerminated"]
    assert shard.state.stuck == {}


@pytest.mark.parametrize("move", ["checkpoint", "take_over"])
def test_which_runs_are_stuck_survives(move: str) -> None:
    shard, _ = stuck_shard(first)
    getattr(shard, move)()
    assert shard.state.stuck["w"].error == "headrace.NonDeterministic"
