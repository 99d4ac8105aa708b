"""Large values through workflows: passed on unseen, refused where they are looked into, whole for tasks and callers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from headrace import LargeValue, ValueTooLarge, task, workflow
from headrace.contracts.task_events import TaskScheduled, TaskSucceeded
from headrace.contracts.workflow_events import WorkflowSucceeded
from headrace.payloads.large import Reference
from headrace.testing import run_workflow

COUNT = 300_000
SIZE = 600_001


@dataclass
class Table:
    rows: list[int]
    count: int


@task
def produce(count: int) -> list[int]:
    return [7] * count


@task
def tabulate(count: int) -> Table:
    return Table([7] * count, count)


@task
async def measure(rows: list[int], factor: int = 1) -> int:
    return sum(rows) * factor


@task
def tally(table: Table) -> int:
    return sum(table.rows) + table.count


@task
def nested(given: dict[str, Any]) -> int:
    return len(given["deep"][0]["rows"])


@workflow
async def passing(ctx: Any, count: int) -> Any:
    rows = await ctx.run(produce, count * 2)
    assert isinstance(rows, LargeValue)
    table = await ctx.run(tabulate, count * 2)
    assert isinstance(table, Table)
    assert table.count == count * 2
    assert isinstance(table.rows, LargeValue)
    sums = [await ctx.run(measure, rows), await ctx.run(measure, rows, factor=2), await ctx.run(measure, rows=rows)]
    return {
        "sums": sums,
        "tally": await ctx.run(tally, table),
        "nested": await ctx.run(nested, {"deep": [{"rows": rows}]}),
        "child": await ctx.child(counting, rows),
        "rows": rows,
    }


@workflow
async def counting(ctx: Any, rows: list[int]) -> int:
    assert isinstance(rows, LargeValue)
    return await ctx.run(measure, rows)


@workflow
async def echo(ctx: Any, rows: list[int], name: str) -> list[int]:
    assert name == "n"
    return rows


@workflow
async def looking(ctx: Any, how: str) -> Any:
    rows = await ctx.run(produce, COUNT * 2)
    match how:
        case "len":
            return len(rows)
        case "for":
            return [row for row in rows]  # noqa: C416 (it is the loop that is tested)
        case "item":
            return rows[0]
        case "truth":
            return bool(rows)
        case "attribute":
            return rows.count(7)
        case _:
            try:
                return len(rows)
            except ValueTooLarge:
                return await ctx.run(measure, rows)


def test_tasks_children_and_callers_get_the_value_and_the_workflow_passes_it_on() -> None:
    r = run_workflow(passing, input={"count": COUNT}, children={"counting": counting})
    assert r.status == "SUCCEEDED", r.cause
    total = COUNT * 2 * 7
    assert r.output["sums"] == [total, total * 2, total]
    assert (r.output["tally"], r.output["nested"], r.output["child"]) == (total + COUNT * 2, COUNT * 2, total)
    assert r.output["rows"] == [7] * COUNT * 2


def test_nothing_large_is_in_the_log() -> None:
    r = run_workflow(passing, input={"count": COUNT}, children={"counting": counting})
    assert max(len(msgspec.msgpack.encode(event)) for event in r.events) < 10_000
    (ended,) = [event for event in r.events if isinstance(event, TaskSucceeded) and event.task == "produce"]
    assert ended.content_type == "application/vnd.headrace.blob+json"
    assert msgspec.json.decode(ended.output, type=Reference).size == COUNT * 4 + 1
    scheduled = next(event for event in r.events if isinstance(event, TaskScheduled) and event.task == "measure")
    assert b'"$blob":"sha256-' in scheduled.input


def test_a_large_member_of_an_input_is_kept_by_reference_and_the_others_are_not() -> None:
    r = run_workflow(echo, input={"rows": [7] * COUNT * 2, "name": "n"})
    assert r.status == "SUCCEEDED", r.cause
    assert r.output == [7] * COUNT * 2
    (ended,) = [event for event in r.events if isinstance(event, WorkflowSucceeded)]
    assert len(ended.output) < 200


@pytest.mark.parametrize("how", ["len", "for", "item", "truth", "attribute"])
def test_a_workflow_that_looks_into_a_large_value_fails_with_what_to_do(how: str) -> None:
    r = run_workflow(looking, input=how)
    assert (r.status, r.error) == ("FAILED", "headrace.ValueTooLarge")
    assert r.cause is not None
    assert f"this one has {COUNT * 4 + 1} bytes and is kept by reference; let a task look into it" in r.cause


def test_a_workflow_may_do_otherwise_where_a_value_is_large() -> None:
    assert run_workflow(looking, input="careful").output == COUNT * 2 * 7


@workflow
async def making(ctx: Any, what: str) -> Any:
    text = "x" * 2_000_000
    match what:
        case "task":
            return await ctx.run(measure, text)
        case "child":
            return await ctx.child(counting, text)
        case "signal":
            return await ctx.signal("other", "go", text)
        case _:
            return text


@pytest.mark.parametrize(
    ("what", "error", "text"),
    [
        ("task", "ValueError", "Expected the input of a task of at most 1048576 bytes, but it has 2000002"),
        ("child", "ValueError", "Expected the input of a child workflow of at most 1048576 bytes"),
        ("signal", "ValueError", "Expected the data of a signal of at most 1048576 bytes"),
        ("output", "headrace.OutputTooLarge", "Expected an output of at most 1048576 bytes"),
    ],
)
def test_what_a_workflow_makes_itself_must_fit_the_log(what: str, error: str, text: str) -> None:
    r = run_workflow(making, input={"what": what}, children={"counting": counting})
    assert (r.status, r.error) == ("FAILED", error)
    assert r.cause is not None
    assert text in r.cause


GRAPH = {
    "apiVersion": "headrace/v1",
    "name": "tables",
    "tasks": {
        "produce": {"task": "produce", "input": {"count": COUNT * 2}},
        "measure": {"task": "measure", "needs": ["produce"], "input": "{% $tasks.produce.output %}"},
    },
    "output": "{% $tasks.measure.output %}",
}
TASKS = {"produce": produce, "measure": measure}


def test_a_graph_hands_a_large_output_on_whole() -> None:
    assert run_workflow(GRAPH, tasks=TASKS).output == COUNT * 2 * 7


def test_a_graph_puts_large_outputs_together_without_looking_into_them() -> None:
    each = {"task": "produce", "foreach": [COUNT * 2, 1], "input": {"count": "{% $item %}"}}
    r = run_workflow({**GRAPH, "tasks": {"produce": each}, "output": "{% $tasks.produce.output %}"}, tasks=TASKS)
    assert r.status == "SUCCEEDED", r.cause
    assert [len(rows) for rows in r.output] == [COUNT * 2, 1]


def test_an_expression_that_looks_into_a_large_output_fails_with_what_to_do() -> None:
    r = run_workflow({**GRAPH, "output": "{% $count($tasks.produce.output) %}"}, tasks=TASKS)
    assert (r.status, r.error) == ("FAILED", "headrace.ExpressionError")
    assert r.cause is not None
    assert "too large for the log and kept by reference" in r.cause


def test_a_large_value_is_told_apart_and_equal_to_itself() -> None:
    first, second = (LargeValue(Reference(blob=f"sha256-{n:064x}", content_type="a", size=SIZE)) for n in (1, 2))
    assert first == LargeValue(first.reference)
    assert first != second
    assert len({first, LargeValue(first.reference), second}) == 2
    assert first.size_bytes == SIZE
    assert "600001 bytes" in repr(first)
