"""A paused workflow stands still: what comes is recorded, nothing runs, and no time passes for it."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.contracts.child_events import ChildEnded, ChildRequested
from headrace.contracts.control_events import WorkflowPaused, WorkflowResumed
from headrace.contracts.task_events import TaskFailed, TaskScheduled, TaskSucceeded
from headrace.contracts.timer_events import TimerStarted
from headrace.contracts.wait_events import CommandRefused
from headrace.contracts.workflow_events import WorkflowCancelled, WorkflowSucceeded, WorkflowTimedOut
from headrace.engine.programs.python.errors import TaskFailed as TaskFailedError
from headrace.engine.run import PAUSED
from tests.unit.engine.decision_shard import names, only
from tests.unit.engine.versions import OperatedShard
from tests.unit.engine.workflows import CHAIN, LIMITED, PARENT, RETRYING, SLEEPER


@pytest.fixture(params=[False, True], ids=["live", "rebuilt at every input"])
def shard(request: pytest.FixtureRequest) -> OperatedShard:
    shard = OperatedShard(forgetful=request.param)
    for workflow in (CHAIN, LIMITED, PARENT, RETRYING, SLEEPER):
        shard.deploy(workflow)
    return shard


def test_the_end_of_a_task_is_recorded_and_its_workflow_goes_on_when_resumed(shard: OperatedShard) -> None:
    task = only(shard.start("chain"), TaskScheduled)
    paused = only(shard.pause(reason="the bank is down"), WorkflowPaused)
    assert (paused.run_id, paused.reason) == (task.run_id, "the bank is down")
    assert names(shard.complete(task, 1)) == ["TaskSucceeded"]
    assert names(shard.go_on(reason="it is up")) == ["WorkflowResumed", "TaskScheduled"]


def test_a_pause_of_a_paused_one_and_a_resume_of_a_running_one_change_nothing(shard: OperatedShard) -> None:
    shard.start("chain")
    assert shard.go_on() == []
    shard.pause()
    assert shard.pause() == []
    assert shard.state.runs["w"].status == PAUSED


def test_timers_wait_and_one_that_is_due_by_then_fires_at_once(shard: OperatedShard) -> None:
    nap = only(shard.start("sleeper"), TimerStarted)
    shard.pause()
    assert shard.decider.due_at(shard.state) is None
    assert shard.tick(nap.due_at + 1) == []
    assert names(shard.go_on()) == ["WorkflowResumed"]
    assert shard.decider.due_at(shard.state) == nap.due_at
    assert names(shard.tick(shard.now_ms)) == ["TimerFired", "WorkflowSucceeded"]


def test_a_timer_that_is_not_due_yet_keeps_its_time(shard: OperatedShard) -> None:
    nap = only(shard.start("sleeper"), TimerStarted)
    shard.pause()
    shard.tick(nap.due_at - 1_000)
    shard.go_on()
    assert shard.decider.due_at(shard.state) == nap.due_at


def test_no_attempt_begins_while_paused(shard: OperatedShard) -> None:
    task = only(shard.start("retrying"), TaskScheduled)
    shard.pause()
    failed = only(shard.fail(task), TaskFailed)
    assert failed.retry_at
    assert shard.tick(failed.retry_at + 1) == []
    shard.go_on()
    assert names(shard.tick(shard.now_ms)) == ["TaskScheduled"]


def test_the_end_of_a_child_is_recorded(shard: OperatedShard) -> None:
    child = shard.hear(only(shard.start("parent"), ChildRequested))
    shard.pause()
    last = only(shard.complete(only(child, TaskScheduled)), TaskScheduled)
    ended = only(shard.complete(last, 5), WorkflowSucceeded)
    assert only(shard.hear(ended), ChildEnded).output == b"5"
    assert only(shard.go_on(), WorkflowSucceeded).output == b"5"


def test_the_time_limit_stands_still(shard: OperatedShard) -> None:
    shard.start("limited")
    began = shard.now_ms
    shard.tick(began + 1_000_000)
    shard.pause()
    shard.tick(began + 5_000_000)
    shard.go_on()
    assert shard.decider.due_at(shard.state) == began + 3_600_000 + 4_000_000
    assert shard.tick(began + 3_600_000) == []
    assert isinstance(shard.tick(began + 7_600_000)[-1], WorkflowTimedOut)


def test_cancelling_a_paused_one_resumes_it_to_clean_up(shard: OperatedShard) -> None:
    shard.start("chain")
    shard.pause()
    events = shard.cancel()
    assert names(events) == ["WorkflowResumed", "CancelRequested", "TaskCancelled", "WorkflowCancelled"]
    assert only(events, WorkflowCancelled).reason == "enough"


def test_terminating_a_paused_one_ends_it_at_once(shard: OperatedShard) -> None:
    shard.start("chain")
    shard.pause()
    assert names(shard.terminate()) == ["WorkflowTerminated"]
    assert "w" not in shard.state.runs


def test_what_came_meanwhile_is_seen_in_its_order() -> None:
    async def both(ctx: Any) -> list[Any]:
        found: list[Any] = []

        async def one(task: str) -> None:
            found.append(await ctx.run(task))

        await ctx.gather(one("a"), one("b"))
        return found

    shard = OperatedShard()
    shard.deploy(both)
    first, second = (event for event in shard.start("both") if isinstance(event, TaskScheduled))
    shard.pause()
    shard.complete(second, "second")
    shard.complete(first, "first")
    assert only(shard.go_on(), WorkflowSucceeded).output == b'["second","first"]'


@pytest.mark.parametrize("command", ["pause", "go_on", "migrate"])
def test_a_command_to_what_is_not_running_is_refused_with_what_was_found(shard: OperatedShard, command: str) -> None:
    unknown = only(getattr(shard, command)("nobody"), CommandRefused)
    assert unknown.error == "headrace.NotFound"
    shard.start("chain")
    shard.terminate()
    refused = only(getattr(shard, command)(), CommandRefused)
    assert refused.error == "headrace.NotRunning"
    assert "TERMINATED" in refused.cause


def test_a_pause_within_a_clean_up_holds_the_clean_up() -> None:
    async def tidy(ctx: Any) -> None:
        try:
            await ctx.run("work")
        finally:
            try:
                await ctx.run("tidy_up")
            except TaskFailedError:
                await ctx.run("call_somebody")

    shard = OperatedShard()
    shard.deploy(tidy)
    shard.start("tidy")
    cleaning = only(shard.cancel(), TaskScheduled)
    shard.pause()
    assert names(shard.fail(cleaning)) == [TaskFailed.__name__]
    calling = only(shard.go_on(), TaskScheduled)
    assert calling.task == "call_somebody"
    assert names(shard.complete(calling)) == [TaskSucceeded.__name__, "WorkflowCancelled"]


def test_resuming_says_why(shard: OperatedShard) -> None:
    shard.start("chain")
    shard.pause(command_id="p")
    resumed = only(shard.go_on(command_id="r", reason="the fix is out"), WorkflowResumed)
    assert (resumed.command_id, resumed.reason) == ("r", "the fix is out")


@pytest.mark.parametrize("ended", [False, True], ids=["while it runs", "after its end"])
def test_a_command_that_was_accepted_changes_nothing_when_it_comes_again(shard: OperatedShard, ended: bool) -> None:
    shard.start("chain")
    shard.pause(command_id="p")
    shard.go_on(command_id="r")
    if ended:
        shard.terminate()
    assert shard.pause(command_id="p") == []
    assert shard.go_on(command_id="r") == []
