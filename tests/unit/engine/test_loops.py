"""Endless workflows: their record stays small, and nothing else can be told from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.authoring.workflows import WorkflowDefinition
from headrace.contracts.child_events import ChildCancelRequested, ChildRequested
from headrace.contracts.message import Message
from headrace.contracts.record_events import ValueRecorded, WorkflowContinued
from headrace.contracts.task_events import TaskCancelled, TaskScheduled
from headrace.contracts.wait_commands import SignalWorkflow
from headrace.contracts.workflow_events import (
    StartRefused,
    WorkflowCancelled,
    WorkflowFailed,
    WorkflowStarted,
    WorkflowSucceeded,
)
from headrace.engine.programs.python.limits import PythonLimits
from headrace.engine.programs.python.program import PythonProgram
from tests.unit.engine.decision_shard import DecisionShard, names, only
from tests.unit.engine.workflows import CHAIN

BOTH = pytest.mark.parametrize("forgetful", [False, True], ids=["live", "rebuilt"])


class SmallLoops(DecisionShard):
    """A shard on which loops go on anew after a few steps."""

    loop_steps = 3

    def new_process(self) -> None:
        """Forget everything that is not in the state."""
        self._programs["python"] = PythonProgram(
            lambda source: self.definitions.functions[source], PythonLimits(loop_steps=self.loop_steps)
        )
        super().new_process()


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
    shard = SmallLoops(adding, forgetful=forgetful)
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
    class Shard(SmallLoops):
        loop_steps = steps

    shard = Shard(adding, forgetful=forgetful)
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

    shard = SmallLoops(looking, forgetful=forgetful)
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

    shard = SmallLoops(looking, forgetful=forgetful)
    events = shard.start("looking")
    for at in range(1, 9):
        shard.now_ms = 1_000 + 1_000 * at
        events = shard.complete(only(events, TaskScheduled))
    assert times[-1] == 9.0


@BOTH
def test_signals_that_nobody_has_taken_go_along(forgetful: bool) -> None:
    async def reading(ctx: Any) -> list[int]:
        got = [await ctx.receive("go")]
        async for state in ctx.loop({"got": got}):
            await ctx.run("one")
            state["got"].append(await ctx.receive("go"))
            if state["got"][-1] == 9:
                return [*got, *state["got"]]

    shard = SmallLoops(reading, forgetful=forgetful)
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
                return "done"

    shard = SmallLoops(looping, CHAIN, forgetful=forgetful)
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
                return [outer, inner]

    def played(shard: DecisionShard) -> Any:
        return output(run(shard, shard.start("nested")))

    assert played(SmallLoops(nested, forgetful=forgetful))[1] == [3, 10]
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
                return [sorted(kinds), month.paid]
            loop.state = Month(month.number + 1, [*month.paid, await ctx.run("one")])

    shard = SmallLoops(billing, forgetful=forgetful)
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

    shard = SmallLoops(looping, forgetful=forgetful)
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


# -- continue_as_new


async def paging(ctx: Any, page: int = 0, total: int = 0) -> int:
    """Add up three pages, one run each."""
    total += await ctx.run("one", page)
    if page < 2:
        await ctx.continue_as_new(page=page + 1, total=total)
    return total


@BOTH
def test_a_workflow_begins_anew_under_its_id(forgetful: bool) -> None:
    shard = DecisionShard(paging, forgetful=forgetful)
    events = shard.start("paging", {"page": 0})
    first = only(events, TaskScheduled)
    shard.now_ms = 5_000
    events = shard.complete(first, 10)
    continued = only(events, WorkflowContinued)
    assert (continued.run_id, continued.next_run_id, continued.input) == ("0-0", "0-0.1", b'{"page":1,"total":10}')
    assert (continued.kept_steps, continued.state, continued.started_at) == (0, b"", 1_000)
    second = only(events, TaskScheduled)
    assert (second.run_id, second.step) == ("0-0.1", 0)
    assert shard.complete(first, 10) == []
    events = shard.complete(only(shard.complete(second, 20), TaskScheduled), 30)
    ended = only(events, WorkflowSucceeded)
    assert (ended.run_id, ended.output, ended.started_at) == ("0-0.2", b"60", 5_000)
    assert shard.state.closed.get("w").attempt == 1


@BOTH
def test_what_is_open_is_given_up_and_no_clean_up_is_run(forgetful: bool) -> None:
    async def restless(ctx: Any, n: int = 0) -> int:
        async def beside() -> None:
            try:
                await ctx.run("slow")
            finally:
                await ctx.run("never")

        if n == 1:
            return await ctx.run("last")
        ctx.spawn(beside())
        ctx.child("chain")
        ctx.child("chain", parent_close="abandon")
        ctx.child("chain", parent_close="terminate")
        try:
            await ctx.run("one")
            await ctx.continue_as_new(1)
        finally:
            await ctx.run("never")

    shard = DecisionShard(restless, CHAIN, forgetful=forgetful)
    events = shard.start("restless")
    task = next(event for event in events if isinstance(event, TaskScheduled) and event.task == "one")
    events = shard.complete(task)
    assert [event.task for event in events if isinstance(event, TaskCancelled)] == ["slow"]
    assert [event.terminate for event in events if isinstance(event, ChildCancelRequested)] == [False, True]
    assert only(events, TaskScheduled).task == "last"
    assert output(shard.complete(only(events, TaskScheduled), 7)) == 7


@BOTH
def test_unread_signals_of_each_run_come_in_their_order(forgetful: bool) -> None:
    async def reading(ctx: Any, got: list[int]) -> list[int]:
        got.append(await ctx.receive("go"))
        if len(got) == 6:
            return got
        await ctx.continue_as_new(got=got)

    shard = DecisionShard(reading, forgetful=forgetful)
    shard.start("reading", {"got": []})
    for number in range(1, 6):
        signal(shard, number)
    assert output(signal(shard, 6)) == [1, 2, 3, 4, 5, 6]

    shard = DecisionShard(reading, forgetful=forgetful)
    shard.start("reading", {"got": []}, workflow_id="other")
    assert shard.state.runs["other"].run_id == "0-0"


@BOTH
def test_all_signals_that_wait_are_read_at_once(forgetful: bool) -> None:
    async def reading(ctx: Any, n: int = 0) -> int:
        if n == 0:
            await ctx.run("one")
        got = await ctx.receive("go")
        if got == 5:
            return n
        await ctx.continue_as_new(n + 1)

    shard = DecisionShard(reading, forgetful=forgetful)
    task = only(shard.start("reading"), TaskScheduled)
    for number in range(1, 6):
        signal(shard, number)
        signal(shard, number + 100, "other")
    events = shard.complete(task)
    assert output(events) == 4
    assert len([event for event in events if isinstance(event, WorkflowContinued)]) == 4
    assert shard.state.runs.get("w") is None


def test_the_time_limit_begins_again_and_does_not_in_a_loop() -> None:
    async def anew(ctx: Any, n: int = 0) -> None:
        await ctx.sleep("10s")
        await ctx.continue_as_new(n + 1)

    async def looping(ctx: Any) -> None:
        async for _ in ctx.loop(0):
            await ctx.sleep("10s")

    for function, late in ((anew, False), (looping, True)):
        shard = SmallLoops(WorkflowDefinition(name=function.__name__, function=function, timeout_ms=60_000))
        shard.start(function.__name__)
        events: list[Message] = []
        for _ in range(12):
            due = shard.decider.due_at(shard.state)
            if due is not None:
                events += shard.tick(due)
        assert ("WorkflowTimedOut" in names(events)) == late


@pytest.mark.parametrize("signals", [0, 1])
def test_a_run_that_waits_for_nothing_does_not_go_on(signals: int) -> None:
    async def spinning(ctx: Any) -> None:
        ctx.publish("turns", 1)
        await ctx.continue_as_new()

    async def spinning_later(ctx: Any, n: int = 0) -> None:
        if n == 0:
            await ctx.run("one")
        await ctx.continue_as_new(1)

    shard = DecisionShard(spinning, spinning_later)
    assert only(shard.start("spinning", workflow_id="a"), WorkflowFailed).error == "headrace.ContinuedAtOnce"
    task = only(shard.start("spinning_later"), TaskScheduled)
    for number in range(signals):
        signal(shard, number)
    assert only(shard.complete(task), WorkflowFailed).error == "headrace.ContinuedAtOnce"


def test_what_is_left_to_be_undone_is_not_forgotten() -> None:
    async def paying(ctx: Any, forget: bool) -> str:
        await ctx.run("pay")
        ctx.compensate("refund")
        if forget:
            ctx.forget_compensations()
            await ctx.continue_as_new(forget=True)
        await ctx.continue_as_new(forget=False)

    shard = DecisionShard(paying)
    events = shard.complete(only(shard.start("paying", {"forget": False}, workflow_id="a"), TaskScheduled))
    assert only(events, TaskScheduled).task == "refund"
    assert only(shard.complete(only(events, TaskScheduled)), WorkflowFailed).error == "headrace.OpenCompensations"
    events = shard.complete(only(shard.start("paying", {"forget": True}), TaskScheduled))
    only(events, WorkflowContinued)


@BOTH
def test_a_request_to_end_ends_it(forgetful: bool) -> None:
    async def stubborn(ctx: Any) -> None:
        try:
            await ctx.run("one")
        finally:
            await ctx.run("clean")
            await ctx.continue_as_new()

    shard = DecisionShard(stubborn, forgetful=forgetful)
    shard.start("stubborn")
    task = only(shard.cancel(), TaskScheduled)
    assert only(shard.complete(task), WorkflowCancelled).reason == "enough"


@BOTH
def test_a_start_is_told_by_what_the_workflow_was_started_with(forgetful: bool) -> None:
    shard = DecisionShard(paging, forgetful=forgetful)
    shard.complete(only(shard.start("paging", {"page": 0}), TaskScheduled), 1)
    assert shard.start("paging", {"page": 0}, command_id="again") == []
    only(shard.start("paging", {"page": 1}, command_id="other"), StartRefused)
    shard.terminate()
    assert shard.start("paging", {"page": 0}, command_id="again") == []
    only(shard.start("paging", {"page": 1}, command_id="other"), StartRefused)
    again = shard.start("paging", {"page": 1}, command_id="rerun", if_exists="rerun")
    assert only(again, WorkflowStarted).attempt == 2


@BOTH
def test_children_of_each_run_have_ids_of_their_own(forgetful: bool) -> None:
    async def family(ctx: Any, n: int = 0) -> None:
        kid = ctx.child("chain")
        await ctx.sleep(1)
        ctx.publish("kid", kid.id)
        await ctx.continue_as_new(n + 1)

    shard = DecisionShard(family, CHAIN, forgetful=forgetful)
    asked = []
    events = shard.start("family")
    for _ in range(3):
        asked.append(only(events, ChildRequested).child_id)
        due = shard.decider.due_at(shard.state)
        assert due is not None
        events = shard.tick(due)
    assert asked == ["w:0", "w:1.1:0", "w:1.2:0"]


@BOTH
def test_a_parent_hears_the_end_of_a_child_that_went_on_anew(forgetful: bool) -> None:
    async def parent(ctx: Any) -> int:
        return await ctx.child("paging", 0) + 1

    shard = DecisionShard(parent, paging, forgetful=forgetful)
    events = shard.hear(only(shard.start("parent"), ChildRequested))
    for number in (1, 2, 3):
        events = shard.complete(only(events, TaskScheduled), number)
    assert output(shard.hear(only(events, WorkflowSucceeded))) == 7


def test_an_input_that_is_too_large_fails_the_workflow() -> None:
    async def large(ctx: Any) -> None:
        await ctx.run("one")
        await ctx.continue_as_new("x" * 1_048_576)

    shard = DecisionShard(large)
    assert only(shard.complete(only(shard.start("large"), TaskScheduled)), WorkflowFailed).error == "ValueError"
