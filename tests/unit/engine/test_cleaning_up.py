"""A clean-up is bounded after a time limit, and is not disturbed by who asks again."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.authoring.workflows import workflow
from headrace.contracts.commands import CancelWorkflow
from headrace.contracts.task_events import TaskScheduled
from headrace.contracts.workflow_events import CancelRequested, WorkflowTerminated, WorkflowTimedOut
from headrace.engine.context import Limits
from tests.unit.engine.decision_shard import names, only
from tests.unit.engine.versions import OperatedShard

HOUR_MS = 3_600_000
GRACE_MS = 600_000


@workflow(timeout="1h")
async def tidy(ctx: Any) -> None:
    """Work, and clean up whatever happens."""
    try:
        await ctx.run("work")
    finally:
        await ctx.run("tidy_up")
        await ctx.run("tidy_up", "more")


@pytest.fixture
def shard() -> OperatedShard:
    shard = OperatedShard(limits=Limits(cleanup_ms=GRACE_MS))
    shard.deploy(tidy)
    return shard


def timed_out(shard: OperatedShard) -> TaskScheduled:
    shard.start("tidy")
    events = shard.tick(shard.now_ms + HOUR_MS)
    assert only(events, CancelRequested).terminate_at == shard.now_ms + GRACE_MS
    found: TaskScheduled = only(events, TaskScheduled)
    return found


def test_a_clean_up_within_its_time_ends_as_timed_out(shard: OperatedShard) -> None:
    more = only(shard.complete(timed_out(shard)), TaskScheduled)
    assert isinstance(shard.complete(more)[-1], WorkflowTimedOut)
    assert shard.decider.due_at(shard.state) is None


def test_a_clean_up_that_does_not_end_is_terminated(shard: OperatedShard) -> None:
    timed_out(shard)
    shard.take_over()
    assert shard.decider.due_at(shard.state) == shard.now_ms + GRACE_MS
    ended = only(shard.tick(shard.now_ms + GRACE_MS), WorkflowTerminated)
    assert "HEADRACE_DECISION_CLEANUP_MS" in ended.reason
    assert {"x0", "r0"} <= set(shard.decider.addressees(ended))


def test_a_pause_within_it_does_not_count(shard: OperatedShard) -> None:
    timed_out(shard)
    limit = shard.now_ms + GRACE_MS
    shard.pause()
    assert shard.tick(limit) == []
    shard.go_on()
    assert shard.decider.due_at(shard.state) == limit + GRACE_MS


def test_who_cancels_a_workflow_may_wait_for_its_clean_up_for_ever(shard: OperatedShard) -> None:
    shard.start("tidy")
    assert only(shard.cancel(), CancelRequested).terminate_at == 0
    assert shard.decider.due_at(shard.state) is None


@pytest.mark.parametrize("first", ["time", "cancel"])
def test_a_second_request_to_end_does_not_disturb_a_clean_up(shard: OperatedShard, first: str) -> None:
    if first == "time":
        task = timed_out(shard)
    else:
        shard.start("tidy")
        task = only(shard.cancel(), TaskScheduled)
    again = CancelWorkflow(command_id="again", workflow_id="w", issued_at=0, reason="at last")
    assert shard.command(again) == []
    more = only(shard.complete(task), TaskScheduled)
    ended = names(shard.complete(more))[-1]
    assert ended == ("WorkflowTimedOut" if first == "time" else "WorkflowCancelled")


def test_a_failure_while_cleaning_up_is_the_end(shard: OperatedShard) -> None:
    assert names(shard.fail(timed_out(shard)))[-1] == "WorkflowFailed"


def test_without_a_grace_a_clean_up_is_never_terminated() -> None:
    shard = OperatedShard(limits=Limits(cleanup_ms=0))
    shard.deploy(tidy)
    shard.start("tidy")
    shard.tick(shard.now_ms + HOUR_MS)
    assert shard.decider.due_at(shard.state) is None
