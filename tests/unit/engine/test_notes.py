"""What a workflow notes: values, versions, attributes, what it shows; each once, and the same in every replay."""

from __future__ import annotations

from itertools import count
from typing import Any

import msgspec
import pytest

from headrace.contracts.message import Message
from headrace.contracts.record_events import Published, SearchAttributesSet, ValueRecorded
from headrace.contracts.task_events import TaskScheduled
from headrace.contracts.workflow_events import WorkflowFailed, WorkflowStuck, WorkflowSucceeded
from headrace.engine.programs.python.errors import MemoFailed
from tests.unit.engine.decision_shard import DecisionShard, names, only

BOTH = pytest.mark.parametrize("forgetful", [False, True], ids=["live", "rebuilt"])


def output(events: list[Message]) -> Any:
    """Return what a workflow ended with."""
    return msgspec.json.decode(only(events, WorkflowSucceeded).output)


@BOTH
def test_a_function_is_called_once(forgetful: bool) -> None:
    calls = count(1)

    async def noting(ctx: Any) -> list[Any]:
        first = ctx.memo(lambda: next(calls))
        await ctx.run("one", first)
        second = ctx.memo(lambda: {"n": next(calls)}, name="second")
        await ctx.run("two")
        return [first, second]

    shard = DecisionShard(noting, forgetful=forgetful)
    started = shard.start("noting")
    assert only(started, ValueRecorded) == ValueRecorded(
        workflow_id="w", run_id="0-0", step=0, node="memo", kind="memo", value=b"1", at=shard.now_ms
    )
    going_on = shard.complete(only(started, TaskScheduled))
    assert only(going_on, ValueRecorded).node == "second"
    assert output(shard.complete(only(going_on, TaskScheduled))) == [1, {"n": 2}]
    assert next(calls) == 3


@BOTH
def test_a_function_that_fails_fails_in_every_replay(forgetful: bool) -> None:
    errors = iter([KeyError("gone")])

    def look() -> int:
        for error in errors:
            raise error
        return 1

    async def noting(ctx: Any) -> list[str]:
        try:
            found = ctx.memo(look)
        except MemoFailed as failed:
            found = [failed.error, failed.cause]
        await ctx.run("one")
        return found

    shard = DecisionShard(noting, forgetful=forgetful)
    started = shard.start("noting")
    noted = only(started, ValueRecorded)
    assert (noted.node, noted.error, noted.cause) == ("look", "KeyError", "'gone'")
    assert output(shard.complete(only(started, TaskScheduled))) == ["KeyError", "'gone'"]


@pytest.mark.parametrize(
    ("function", "error"),
    [
        (lambda ctx: lambda: ctx.run("one"), "TypeError"),
        (lambda ctx: lambda: ctx.publish("x", 1), "TypeError"),
        (lambda ctx: lambda: {1, object()}, "TypeError"),
        (lambda ctx: lambda: "x" * 1_048_576, "ValueError"),
    ],
    ids=["async", "asks for a step", "not JSON", "too large"],
)
def test_what_cannot_be_noted_fails_the_workflow(function: Any, error: str) -> None:
    async def noting(ctx: Any) -> None:
        ctx.memo(function(ctx))

    assert only(DecisionShard(noting).start("noting"), WorkflowFailed).error == error


def test_code_that_calls_another_function_than_the_record_is_stuck() -> None:
    nodes = iter(["before", "after"])

    async def noting(ctx: Any) -> None:
        ctx.memo(lambda: 1, name=next(nodes))
        await ctx.run("one")

    shard = DecisionShard(noting)
    task = only(shard.start("noting"), TaskScheduled)
    shard.new_process()
    stuck = only(shard.complete(task), WorkflowStuck)
    assert stuck.error == "headrace.NonDeterministic"
    assert "[memo before]" in stuck.cause
    assert "[memo after]" in stuck.cause


@BOTH
def test_a_run_stays_with_the_version_that_it_took(forgetful: bool) -> None:
    highest = iter([2, 2, 3, 3, 3])

    async def choosing(ctx: Any) -> list[int]:
        top = next(highest) if forgetful else 2
        first = ctx.version("fraud-check", 1, top)
        await ctx.run("one")
        return [first, ctx.version("fraud-check", 1, top)]

    shard = DecisionShard(choosing, forgetful=forgetful)
    started = shard.start("choosing")
    assert only(started, ValueRecorded).value == b"2"
    assert output(shard.complete(only(started, TaskScheduled))) == [2, 2]


def test_a_run_that_passed_before_the_mark_was_made_goes_the_lowest_way() -> None:
    marked = iter([False, True])

    async def choosing(ctx: Any) -> list[int]:
        first = ctx.version("step", 1, 2) if next(marked) else 0
        await ctx.run("one")
        return [first, ctx.version("step", 1, 2), ctx.version("other", 1, 2)]

    shard = DecisionShard(choosing)
    task = only(shard.start("choosing"), TaskScheduled)
    shard.new_process()
    ended = shard.complete(task)
    assert output(ended) == [1, 1, 2]
    assert names(ended) == ["TaskSucceeded", "ValueRecorded", "WorkflowSucceeded"]


def test_a_way_that_the_code_no_longer_has_parks_the_run() -> None:
    lowest = iter([1, 3])

    async def choosing(ctx: Any) -> None:
        at = next(lowest)
        ctx.version("step", at, at + 1)
        await ctx.run("one")

    shard = DecisionShard(choosing)
    task = only(shard.start("choosing"), TaskScheduled)
    shard.new_process()
    stuck = only(shard.complete(task), WorkflowStuck)
    assert "Expected version step from 3 to 4" in stuck.cause
    assert "the way of 2" in stuck.cause


@BOTH
def test_attributes_and_values_are_for_those_who_look(forgetful: bool) -> None:
    async def showing(ctx: Any) -> str:
        ctx.search(customer="c-1", total=3, tags=["a", "b"], gone=None)
        ctx.publish("progress", {"done": 1})
        await ctx.run("one")
        return "done"

    shard = DecisionShard(showing, forgetful=forgetful)
    started = shard.start("showing")
    assert msgspec.json.decode(only(started, SearchAttributesSet).attributes) == {
        "customer": "c-1",
        "total": 3,
        "tags": ["a", "b"],
        "gone": None,
    }
    shown = only(started, Published)
    assert (shown.name, shown.data, shown.content_type) == ("progress", b'{"done":1}', "application/json")
    assert output(shard.complete(only(started, TaskScheduled))) == "done"


@pytest.mark.parametrize(
    ("note", "error", "said"),
    [
        (lambda ctx: ctx.search(a={"b": 1}), "TypeError", "Expected search attribute a to be a text"),
        (lambda ctx: ctx.search(**{"not a name": 1}), "ValueError", "Expected the name of a search attribute"),
        (lambda ctx: ctx.search(a="x" * 20_000), "ValueError", "at most 16384 bytes"),
        (lambda ctx: ctx.search(**{f"a{n}": n for n in range(65)}), "ValueError", "at most 64 search attributes"),
        (lambda ctx: ctx.publish("", 1), "ValueError", "Expected the name of a published value"),
        (lambda ctx: ctx.publish("x", "y" * 1_048_576), "ValueError", "at most 1048576 bytes"),
        (lambda ctx: ctx.version("a b", 1, 2), "ValueError", "Expected the name of a version"),
    ],
)
def test_what_does_not_fit_is_refused(note: Any, error: str, said: str) -> None:
    async def showing(ctx: Any) -> None:
        note(ctx)

    failed = only(DecisionShard(showing).start("showing"), WorkflowFailed)
    assert failed.error == error
    assert said in failed.cause


@BOTH
def test_many_notes_of_one_activation_come_in_parts(forgetful: bool) -> None:
    async def noting(ctx: Any) -> int:
        total = sum(len(ctx.memo(lambda: "x" * 300_000)) for _ in range(7))
        await ctx.run("one")
        return total

    shard = DecisionShard(noting, forgetful=forgetful)
    events = shard.start("noting")
    parts = 1
    while shard.state.pending:
        events += shard.resume()
        parts += 1
    assert parts == 3
    assert [event.step for event in events if isinstance(event, ValueRecorded)] == list(range(7))
    assert output(shard.complete(only(events, TaskScheduled))) == 2_100_000


def test_chance_goes_on_within_a_step() -> None:
    async def drawing(ctx: Any) -> list[str]:
        return [str(ctx.uuid()), str(ctx.uuid()), str(ctx.random.random())]

    first = output(DecisionShard(drawing).start("drawing"))
    assert len(set(first)) == 3
    assert output(DecisionShard(drawing).start("drawing")) == first
