"""Several coroutines of one workflow at once: the first of them, those beside, and predicates."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from headrace.contracts.task_events import TaskCancelled, TaskScheduled
from headrace.contracts.timer_events import TimerCancelled
from headrace.contracts.wait_commands import SignalWorkflow
from headrace.contracts.workflow_events import WorkflowCancelled, WorkflowFailed, WorkflowSucceeded
from headrace.engine.kernel.outcomes import Cancelled
from headrace.engine.programs.python.errors import TaskFailed, WaitTimedOut
from tests.unit.engine.decision_shard import DecisionShard, names, only


async def racing(ctx: Any) -> Any:
    return await ctx.race(ctx.run("fast"), ctx.run("slow"), ctx.sleep("1h"))


async def racing_by_name(ctx: Any) -> Any:
    return await ctx.race(answer=ctx.receive("answer"), late=ctx.sleep("1h"))


async def racing_nobody(ctx: Any) -> Any:
    return await ctx.race()


async def slow_loser(ctx: Any) -> Any:
    async def cleaned() -> None:
        try:
            await ctx.sleep("1d")
        except Cancelled:
            await ctx.run("tidy")

    return await ctx.race(ctx.run("fast"), cleaned())


async def counting(ctx: Any, until: int = 3) -> Any:
    seen: list[Any] = []

    async def listen() -> None:
        while True:
            seen.append(await ctx.receive("n"))

    ctx.spawn(listen())
    await ctx.wait_for(lambda: len(seen) >= until)
    return seen


async def waiting(ctx: Any) -> Any:
    try:
        await ctx.wait_for(lambda: False, timeout="5m")
    except WaitTimedOut as error:
        return str(error)


async def broken_predicate(ctx: Any) -> Any:
    await ctx.wait_for(lambda: 1 / 0)


async def asking_predicate(ctx: Any) -> Any:
    await ctx.wait_for(ctx.callback)


async def spawning(ctx: Any) -> Any:
    beside = ctx.spawn(ctx.run("beside"))
    mine = await ctx.run("mine")
    return [mine, beside.done, await beside]


async def unwatched(ctx: Any) -> Any:
    ctx.spawn(ctx.run("beside"))
    try:
        await ctx.sleep("1d")
    except TaskFailed as failed:
        return f"heard: {failed.error}"


async def watched(ctx: Any) -> Any:
    beside = ctx.spawn(ctx.run("beside"))
    try:
        await beside
    except TaskFailed as failed:
        return f"caught: {failed.error}"


async def leaving(ctx: Any) -> Any:
    async def long() -> None:
        try:
            await ctx.sleep("1d")
        finally:
            await ctx.run("tidy")

    ctx.spawn(long())
    return await ctx.run("mine")


async def stopping(ctx: Any) -> Any:
    beside = ctx.spawn(ctx.sleep("1d"))
    await ctx.run("mine")
    beside.cancel("enough")
    return await ctx.run("last")


ALL = (
    *(racing, racing_by_name, racing_nobody, slow_loser, counting, waiting, broken_predicate, asking_predicate),
    *(spawning, unwatched, watched, leaving, stopping),
)


@pytest.fixture(params=[False, True], ids=["live", "rebuilt"])
def shard(request: pytest.FixtureRequest) -> DecisionShard:
    return DecisionShard(*ALL, forgetful=request.param)


def tasks(events: list[Any]) -> dict[str, TaskScheduled]:
    return {event.task: event for event in events if isinstance(event, TaskScheduled)}


def signal(name: str, data: Any, command_id: str) -> SignalWorkflow:
    return SignalWorkflow(
        command_id=command_id, workflow_id="w", issued_at=0, name=name, data=msgspec.json.encode(data)
    )


def output(events: list[Any]) -> Any:
    return msgspec.json.decode(only(events, WorkflowSucceeded).output)


def test_the_first_wins_and_the_others_are_cancelled(shard: DecisionShard) -> None:
    started = tasks(shard.start("racing"))
    events = shard.complete(started["slow"], 7)
    assert output(events) == [1, 7]
    assert only(events, TaskCancelled).task == "fast"
    only(events, TimerCancelled)


def test_the_first_may_fail(shard: DecisionShard) -> None:
    started = tasks(shard.start("racing"))
    assert only(shard.fail(started["fast"], "KeyError"), WorkflowFailed).error == "KeyError"


def test_a_race_by_name_says_who_won(shard: DecisionShard) -> None:
    shard.start("racing_by_name")
    assert output(shard.command(signal("answer", 42, "s1"))) == ["answer", 42]


def test_a_race_by_name_that_takes_too_long(shard: DecisionShard) -> None:
    shard.start("racing_by_name")
    assert output(shard.tick(shard.now_ms + 3_600_000)) == ["late", None]


def test_a_race_of_nobody_is_a_mistake(shard: DecisionShard) -> None:
    assert only(shard.start("racing_nobody"), WorkflowFailed).error == "TypeError"


def test_losers_are_waited_for(shard: DecisionShard) -> None:
    started = tasks(shard.start("slow_loser"))
    tidy = tasks(shard.complete(started["fast"], 1))["tidy"]
    assert output(shard.complete(tidy)) == [0, 1]


def test_cancelling_a_workflow_cancels_what_races(shard: DecisionShard) -> None:
    shard.start("racing")
    assert names(shard.cancel()) == [
        *("CancelRequested", "TaskCancelled", "TaskCancelled", "TimerCancelled", "WorkflowCancelled")
    ]


def test_a_predicate_is_asked_after_everything_that_happens(shard: DecisionShard) -> None:
    shard.start("counting")
    for number in range(2):
        assert names(shard.command(signal("n", number, f"s{number}"))) == ["SignalReceived"]
    assert output(shard.command(signal("n", 2, "s2"))) == [0, 1, 2]


def test_a_predicate_that_holds_already_does_not_wait(shard: DecisionShard) -> None:
    assert output(shard.start("counting", {"until": 0})) == []


def test_a_predicate_that_does_not_hold_in_time(shard: DecisionShard) -> None:
    shard.start("waiting")
    assert output(shard.tick(shard.now_ms + 300_000)).startswith("Expected the predicate to hold within 5m")


def test_a_predicate_that_fails_raises_where_it_is_waited_for(shard: DecisionShard) -> None:
    assert only(shard.start("broken_predicate"), WorkflowFailed).error == "ZeroDivisionError"


def test_a_predicate_may_not_ask_for_steps(shard: DecisionShard) -> None:
    failed = only(shard.start("asking_predicate"), WorkflowFailed)
    assert (failed.error, "only looks" in failed.cause) == ("TypeError", True)


def test_what_runs_beside_can_be_awaited(shard: DecisionShard) -> None:
    started = tasks(shard.start("spawning"))
    assert set(started) == {"beside", "mine"}
    shard.complete(started["mine"], 1)
    assert output(shard.complete(started["beside"], 2)) == [1, False, 2]


def test_an_error_beside_that_nobody_waits_for_is_raised_in_the_workflow(shard: DecisionShard) -> None:
    started = tasks(shard.start("unwatched"))
    events = shard.fail(started["beside"], "KeyError")
    assert output(events) == "heard: KeyError"
    only(events, TimerCancelled)


def test_an_error_beside_goes_to_who_waits_for_it(shard: DecisionShard) -> None:
    started = tasks(shard.start("watched"))
    assert output(shard.fail(started["beside"], "KeyError")) == "caught: KeyError"


def test_what_still_runs_beside_at_the_end_is_cancelled_and_waited_for(shard: DecisionShard) -> None:
    started = tasks(shard.start("leaving"))
    events = shard.complete(started["mine"], 5)
    assert names(events) == ["TaskSucceeded", "TimerCancelled", "TaskScheduled"]
    assert output(shard.complete(tasks(events)["tidy"])) == 5


def test_what_runs_beside_can_be_cancelled(shard: DecisionShard) -> None:
    started = tasks(shard.start("stopping"))
    events = shard.complete(started["mine"])
    assert sorted(names(events)) == ["TaskScheduled", "TaskSucceeded", "TimerCancelled"]
    assert output(shard.complete(tasks(events)["last"], 1)) == 1


def test_a_cancelled_workflow_stops_what_runs_beside(shard: DecisionShard) -> None:
    shard.start("counting")
    only(shard.cancel(), WorkflowCancelled)
