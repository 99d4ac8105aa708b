"""Replays of recorded runs: what agrees, what parts and where, and histories that are none."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from headrace import ChildFailed, Retry, TaskFailed, task, workflow
from headrace.contracts.events import WORKFLOW_EVENTS
from headrace.contracts.message import Message
from headrace.engine.graph.problems import InvalidDefinition
from headrace.testing import (
    InvalidHistory,
    ReplayMismatch,
    WorkflowRun,
    fail,
    replay,
    run_workflow,
    start_workflow,
)
from headrace.testing.histories import events_of
from headrace_status.fold.changes import Origin
from headrace_status.fold.history import OMITTED, history_row

GRAPH: dict[str, Any] = {
    "apiVersion": "headrace/v1",
    "name": "squares",
    "tasks": {
        "square": {"task": "square", "foreach": "{% $input %}", "input": {"n": "{% $item %}"}},
        "rest": {"sleep": "1h", "needs": ["square"]},
        "total": {"task": "total", "needs": ["rest"], "input": {"values": "{% $tasks.square.output %}"}},
    },
}


@task(retry=Retry(schedule=["1h"]))
def square(n: int) -> int:
    return n * n


@task
def total(values: list[int]) -> int:
    return sum(values)


@workflow
async def inner(ctx: Any, n: int) -> int:
    return int(await ctx.run(square, n))


@workflow
async def flow(ctx: Any, numbers: list[int]) -> int:
    squares = await ctx.map(square, numbers)
    await ctx.sleep("1d")
    try:
        squares.append(await ctx.child(inner, 7))
    except ChildFailed:
        squares.append(ctx.random.randint(1, 6))
    return int(await ctx.run(total, squares))


@workflow(name="flow")
async def flow_in_another_order(ctx: Any, numbers: list[int]) -> int:
    await ctx.sleep("1d")
    return int(await ctx.run(total, await ctx.map(square, numbers)))


@workflow(name="flow")
async def flow_with_less(ctx: Any, numbers: list[int]) -> int:
    squares = await ctx.map(square, numbers)
    await ctx.sleep("1d")
    return len(squares)


@workflow(name="flow")
async def flow_with_more(ctx: Any, numbers: list[int]) -> int:
    squares = await ctx.map(square, numbers)
    await ctx.sleep("1d")
    squares.append(await ctx.child(inner, 7))
    found = int(await ctx.run(total, squares))
    await ctx.run(square, found)
    return found


@workflow(name="flow")
async def flow_that_prints(ctx: Any, numbers: list[int]) -> int:
    print(numbers)  # noqa: T201  what the deployment refuses
    return 0


@workflow(name="flow")
async def flow_with_names_of_its_own(ctx: Any, numbers: list[int]) -> int:
    items = await ctx.map(square, numbers)
    await ctx.sleep("1d")
    try:
        more = [await ctx.child(inner, 7)]
    except TaskFailed:
        more = []
    except ChildFailed:
        more = [ctx.random.randint(1, 6)]
    return int(await ctx.run(total, items + more))


def recorded(**options: Any) -> WorkflowRun:
    return run_workflow(flow, [1, 2, 3], children={"inner": inner}, **options)


def as_history(run: WorkflowRun, workflow_id: str = "test") -> list[dict[str, Any]]:
    """Return a run's events as the read API gives them."""
    rows = []
    for offset, event in enumerate(run.events):
        found = history_row(event, Origin("workflow.journal", 0, offset, 0), 0)
        if found is None or found.row[0] != workflow_id:
            continue
        of, at, _source, partition, place, seq, run_id, step, attempt, kind, detail = found.row
        rows.append(
            {
                "workflow_id": of,
                "at": datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "type": kind,
                "step": None if step == -1 else step,
                "attempt": attempt or None,
                "detail": json.loads(detail),
                "run_id": run_id or None,
                "journal": "workflow.journal",
                "partition": partition,
                "offset": place,
                "seq": seq,
            }
        )
    return rows


@pytest.mark.parametrize("failures", [[], [fail("square", ValueError, attempt=1)], [fail("square", KeyError)]])
def test_the_code_that_made_a_record_agrees_with_it(failures: Any) -> None:
    run = recorded(failures=failures)
    for history in (run.events, as_history(run)):
        found = replay(history, flow)
        assert (found.workflow_id, found.status) == ("test", run.status)
    assert replay(run.events, flow).steps == (6 if run.status == "SUCCEEDED" else 3)


def test_graphs_too() -> None:
    run = run_workflow(GRAPH, [1, 2], tasks={"square": square, "total": total})
    assert replay(as_history(run), GRAPH).status == "SUCCEEDED"
    with pytest.raises(ReplayMismatch, match="Expected step 0"):
        replay(as_history(run), {**GRAPH, "tasks": {"rest": GRAPH["tasks"]["rest"] | {"needs": []}}})


def test_the_events_of_a_history_are_those_that_were_decided() -> None:
    run = recorded(failures=[fail("square", ValueError, attempt=1, index=1)])
    mine: list[Message] = [
        event
        for event in run.events
        if getattr(event, "workflow_id", "") == "test" and type(event).__name__ not in OMITTED
    ]
    assert all(isinstance(event, WORKFLOW_EVENTS) for event in mine)
    plain = [type(event).__name__ for event in mine]
    assert [type(event).__name__ for event in events_of(as_history(run))] == plain
    for was, found in zip(mine, events_of(as_history(run)), strict=True):
        left_out = {"trace"}
        assert {name: getattr(found, name) for name in was.__struct_fields__ if name not in left_out} == {
            name: getattr(was, name) for name in was.__struct_fields__ if name not in left_out
        }


def test_open_stopped_and_cancelled_runs() -> None:
    with start_workflow(flow, [1, 2], children={"inner": inner}) as run:
        run.advance("1h")
        assert replay(run.events, flow).status == "RUNNING"
        run.cancel()
        assert replay(run.events, flow).status == "CANCELLED"
    with start_workflow(flow, [1, 2], children={"inner": inner}) as run:
        run.terminate()
        assert replay(as_history(run.result), flow).status == "TERMINATED"


def test_code_that_is_only_written_otherwise_agrees() -> None:
    assert replay(recorded().events, flow_with_names_of_its_own).status == "SUCCEEDED"


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (flow_in_another_order, r"Expected step 0 to be \[task square 0 square\], .* asks for \[timer sleep -1\]"),
        (flow_with_less, r"Expected 6 recorded steps, but the code asks for 4, .* \[child inner -1 inner\]|asks for 4"),
        (flow_with_more, r"Expected the run to end as SUCCEEDED .* goes on with \[task square -1 square\]"),
    ],
)
def test_code_that_does_something_else_is_told_where_it_parts(other: Any, expected: str) -> None:
    with pytest.raises(ReplayMismatch, match=expected):
        replay(as_history(recorded()), other)


def test_what_could_not_be_deployed_is_refused_first() -> None:
    with pytest.raises(InvalidDefinition, match="print"):
        replay(recorded().events, flow_that_prints)


def test_histories_that_are_none(tmp_path: Path) -> None:
    file = tmp_path / "history.json"
    file.write_text("nothing")
    with pytest.raises(InvalidHistory, match="Expected JSON"):
        replay(file, flow)
    file.write_text('{"items": []}')
    with pytest.raises(InvalidHistory, match="Expected a list of events"):
        replay(file, flow)
    file.write_text("[]")
    with pytest.raises(InvalidHistory, match="Expected a history with the start of a run"):
        replay(str(file), flow)
    rows = as_history(recorded())
    for row in rows:
        if row["type"] == "TaskSucceeded":
            row["detail"]["output"] = {"$truncated": True, "bytes": 5000, "begins": "["}
    file.write_text(json.dumps(rows))
    with pytest.raises(InvalidHistory, match=r"Expected whole payloads, but output of TaskSucceeded at step \d is cut"):
        replay(file, flow)
    with pytest.raises(InvalidHistory, match="Expected events that this version knows, but found Melted"):
        replay([{"type": "Melted"}], flow)
