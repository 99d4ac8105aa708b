"""Endless workflows: their record stays small, and nothing else can be told from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.authoring.workflows import WorkflowDefinition
from headrace.contracts.message import Message
from headrace.contracts.record_events import ValueRecorded, WorkflowContinued
from headrace.contracts.task_events import TaskScheduled
from headrace.contracts.wait_commands import SignalWorkflow
from headrace.contracts.workflow_events import (
    WorkflowCancelled,
    WorkflowFailed,
    WorkflowSucceeded,
)
from headrace.engine.context import Limits
from tests.unit.engine.decision_shard import DecisionShard, names, only
from tests.unit.engine.workflows import CHAIN

BOTH = pytest.mark.parametrize("forgetful", [False, True], ids=["live", "rebuilt"])


SMALL = Limits(loop_steps=3)


def output(events: list[Message]) -> Any:
    """Return what a workflow ended with."""
    return msgspec.json.decode(only(events, WorkflowSucceeded).output)


def signal(shard: DecisionShard, number: int, name: str = "go") -> list[Message]:
    """Send a signal with a number."""
    return shard.command(
        SignalWorkflow(command_id=f"s{number}", workflow_id="w", issued_at=0, name=name, data=str(number).encode())
    )


def run(shard: DecisionShard, events: list[Message]) -> list[Message]:
    """Complete whatever task comes, with its number, until the workflow ends; return all events."""
    found = list(events)
    number = 0
    while tasks := [event for event in events if isinstance(event, TaskScheduled)]:
        number += 1
        events = shard.complete(tasks[-1], number)
        found += events
    return found


async def adding(ctx: Any, n: int) -> dict[str, int]:
    """Add what n tasks return, one per iteration."""
    before = await ctx.run("one", "before")
    async for state in ctx.loop({"n": 0, "total": 0}):
        if state["n"] == n:
            break
        state["total"] += await ctx.run("one", state["n"])
        state["n"] += 1
    return {**state, "before": before, "after": await ctx.run("one", "after")}


@BOTH
def test_a_loop_goes_on_with_a_small_record(forgetful: bool) -> None:
    shard = DecisionShard(adding, limits=SMALL, forgetful=forgetful)
    events = run(shard, shard.start("adding", {"n": 20}))
    assert output(events) == {"n": 20, "total": sum(range(2, 22)), "before": 1, "after": 22}
    continued = [event for event in events if isinstance(event, WorkflowContinued)]
    assert [event.next_run_id for event in continued] == [f"0-0.{at}" for at in range(1, 7)]
    assert {event.kept_steps for event in continued} == {2}
    assert continued[0].state == b'{"n":3,"total":9}'
    assert max(event.step for event in events if isinstance(event, TaskScheduled)) < 6
    assert [event.node for event in events if isinstance(event, ValueRecorded)] == ["loop"]


@given(n=st.integers(0, 30), steps=st.integers(1, 12), forgetful=st.booleans())
def test_how_often_a_loop_goes_on_anew_does_not_show(n: int, steps: int, forgetful: bool) -> None:
    shard = DecisionShard(adding, limits=Limits(loop_steps=steps), forgetful=forgetful)
    assert output(run(shard, shard.start("adding", {"n": n}))) == {
        "n": n,
        "total": sum(range(2, n + 2)),
        "before": 1,
        "after": n + 2,
    }


@BOTH
def test_what_came_before_the_loop_stays_as_it_was(forgetful: bool) -> None:
    async def looking(ctx: Any) -> list[Any]:
        first = [str(ctx.uuid()), ctx.run_id, ctx.now.isoformat(), ctx.memo(lambda: "noted")]
        await ctx.run("one")
        seen = []
        async for state in ctx.loop([0]):
            if state[0] == 9:
                break
            state[0] += await ctx.run("one") and 1
            seen.append(ctx.uuid())
        await ctx.run("one")
        return [*first, len(set(seen)) == len(seen)]

    shard = DecisionShard(looking, limits=SMALL, forgetful=forgetful)
    shard.start("looking")
    result = []
    for _ in range(11):
        task = next(event for event in reversed(shard.journal) if isinstance(event, TaskScheduled))
        shard.now_ms += 1_000
        result = shard.complete(task, 1)
    found = output(result)
    live = DecisionShard(looking)
    assert found == output(run(live, live.start("looking")))


@BOTH
def test_time_goes_on_in_a_loop_that_went_on_anew(forgetful: bool) -> None:
    times = []

    async def looking(ctx: Any) -> None:
        async for state in ctx.loop([0]):
            times.append(ctx.now.timestamp())
            await ctx.run("one")
            state[0] += 1

    shard = DecisionShard(looking, limits=SMALL, forgetful=forgetful)
    events = shard.start("looking")
    for at in range(1, 9):
        shard.now_ms = 1_000 + 1_000 * at
        events = shard.complete(only(events, TaskScheduled))
    assert times[-1] == 9.0


def test_a_long_record_before_the_loop_is_kept_and_costs_as_many_steps() -> None:
    async def long(ctx: Any, n: int) -> list[int]:
        first = await ctx.map("one", range(n))
        async for state in ctx.loop([0, 0]):
            if state[0] == 3 * n:
                break
            state[0] += 1
            state[1] += await ctx.run("one")
        return [len(first), *state]

    count = 300
    shard = DecisionShard(long, limits=SMALL, replays=False)
    tasks = [event for event in shard.start("long", {"n": count}) if isinstance(event, TaskScheduled)]
    events: list[Message] = []
    for task in tasks:
        events = shard.complete(task, 1)
    continued = 0
    for number in range(3 * count):
        if number % 100 == 0:
            shard.take_over()  # its record stands in parts in the snapshot, which must be those of this run
        events = shard.complete(only(events, TaskScheduled), 1)
        continued += "WorkflowContinued" in names(events)
    assert output(events) == [count, 3 * count, 3 * count]
    assert continued == 3


@BOTH
def test_signals_that_nobody_has_taken_go_along(forgetful: bool) -> None:
    async def reading(ctx: Any) -> list[int]:
        got = [await ctx.receive("go")]
        async for state in ctx.loop({"got": got}):
            await ctx.run("one")
            state["got"].append(await ctx.receive("go"))
            if state["got"][-1] == 9:
                break
        return [*got, *state["got"]]

    shard = DecisionShard(reading, limits=SMALL, forgetful=forgetful)
    shard.start("reading")
    for number in range(1, 10):
        signal(shard, number)
        signal(shard, number + 100, "unread")
    events: list[Message] = []
    while not any(isinstance(event, WorkflowSucceeded) for event in events):
        task = next(event for event in reversed(shard.journal) if isinstance(event, TaskScheduled))
        events = shard.complete(task)
    assert output(events) == [1, *range(1, 10)]
    assert len([event for event in shard.journal if isinstance(event, WorkflowContinued)]) == 2


@BOTH
@pytest.mark.parametrize("beside", ["child", "spawned", "compensation"])
def test_a_loop_with_something_beside_it_keeps_its_record(beside: str, forgetful: bool) -> None:
    async def looping(ctx: Any) -> str:
        async def other() -> None:
            await ctx.receive("never")

        async for state in ctx.loop([0]):
            if state[0] == 0 and beside == "child":
                ctx.child("chain")
            elif state[0] == 0 and beside == "spawned":
                ctx.spawn(other())
            elif beside == "compensation":
                ctx.compensate("undo", state[0])
            await ctx.run("one")
            state[0] += 1
            if state[0] == 12:
                break
        return "done"

    shard = DecisionShard(looping, CHAIN, limits=SMALL, forgetful=forgetful)
    events = run(shard, shard.start("looping"))
    assert output(events) == "done"
    assert "WorkflowContinued" not in names(events)


@BOTH
def test_a_loop_within_a_loop(forgetful: bool) -> None:
    async def nested(ctx: Any) -> list[Any]:
        inner: Any = None
        async for outer in ctx.loop({"rounds": 0, "total": 0}):
            async for inner in ctx.loop([outer["rounds"], 0]):
                if inner[1] == 10:
                    break
                inner[1] += 1
                outer["total"] += await ctx.run("one") and 1
            outer["rounds"] += 1
            if outer["rounds"] == 4:
                break
        return [outer, inner]

    def played(shard: DecisionShard) -> Any:
        return output(run(shard, shard.start("nested")))

    assert played(DecisionShard(nested, limits=SMALL, forgetful=forgetful))[1] == [3, 10]
    assert played(DecisionShard(nested)) == [{"rounds": 4, "total": 40}, [3, 10]]


@BOTH
def test_the_state_keeps_its_type_and_is_what_json_holds_of_it(forgetful: bool) -> None:
    @dataclass
    class Month:
        number: int
        paid: list[int]

    async def billing(ctx: Any) -> list[Any]:
        kinds = set()
        loop = ctx.loop(Month(0, []))
        async for month in loop:
            kinds.add(type(month).__name__)
            if month.number == 8:
                break
            loop.state = Month(month.number + 1, [*month.paid, await ctx.run("one")])
        return [sorted(kinds), loop.state.paid]

    shard = DecisionShard(billing, limits=SMALL, forgetful=forgetful)
    assert output(run(shard, shard.start("billing"))) == [["Month"], list(range(1, 9))]


@BOTH
def test_a_loop_that_was_asked_to_end_keeps_its_record_and_cleans_up(forgetful: bool) -> None:
    async def looping(ctx: Any) -> None:
        try:
            async for state in ctx.loop([0]):
                state[0] += 1
                await ctx.run("one")
        finally:
            for _ in range(8):
                await ctx.run("clean")

    shard = DecisionShard(looping, limits=SMALL, forgetful=forgetful)
    events = shard.start("looping")
    for _ in range(5):
        events = shard.complete(only(events, TaskScheduled))
    ended = run(shard, shard.cancel())
    assert only(ended, WorkflowCancelled).reason == "enough"
    assert "WorkflowContinued" not in names(ended)


def test_a_state_that_json_cannot_hold_or_is_too_large_fails_the_workflow() -> None:
    async def odd(ctx: Any) -> None:
        async for state in ctx.loop({"at": object()}):
            await ctx.run("one", state)

    async def large(ctx: Any) -> None:
        async for state in ctx.loop({"at": "x" * 1_048_576}):
            await ctx.run("one", state)

    shard = DecisionShard(odd, large)
    assert only(shard.start("odd", workflow_id="a"), WorkflowFailed).error == "TypeError"
    assert only(shard.start("large", workflow_id="b"), WorkflowFailed).error == "ValueError"


def test_the_time_limit_begins_again_and_does_not_in_a_loop() -> None:
    async def anew(ctx: Any, n: int = 0) -> None:
        await ctx.sleep("10s")
        await ctx.continue_as_new(n + 1)

    async def looping(ctx: Any) -> None:
        async for _ in ctx.loop(0):
            await ctx.sleep("10s")

    for function, late in ((anew, False), (looping, True)):
        definition = WorkflowDefinition(name=function.__name__, function=function, timeout_ms=60_000)
        shard = DecisionShard(definition, limits=SMALL)
        shard.start(function.__name__)
        events: list[Message] = []
        for _ in range(12):
            due = shard.decider.due_at(shard.state)
            if due is not None:
                events += shard.tick(due)
        assert ("WorkflowTimedOut" in names(events)) == late
