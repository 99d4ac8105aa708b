"""The fold over what the engine records: workflows that are run in memory, as rows."""

from __future__ import annotations

from typing import Any

from headrace import workflow
from headrace.contracts.topics import WORKFLOW_JOURNAL
from headrace.testing import run_workflow
from headrace.testing.live import WorkflowRun
from headrace_status.fold.batch import Batch
from headrace_status.fold.changes import FINAL, Origin
from headrace_status.fold.registry import changes


@workflow
async def looping(ctx: Any, rounds: int) -> int:
    ctx.search(customer="c-1")
    base = await ctx.run("one")
    done = 0
    async for state in ctx.loop({"done": 0}):
        state["done"] += await ctx.run("one")
        ctx.publish("progress", state["done"])
        if state["done"] == rounds:
            done = state["done"]
            break
    return int(done + base)


@workflow
async def turning(ctx: Any, left: int) -> str:
    ctx.search(left=left)
    await ctx.sleep("1h")
    if left:
        await ctx.continue_as_new(left - 1)
    return "over"


def rows_of(run: WorkflowRun) -> Batch:
    batch = Batch()
    for offset, event in enumerate(run.events):
        for change in changes(event, Origin(WORKFLOW_JOURNAL, 0, offset), 1):
            batch.add(change)
    return batch


def test_a_loop_that_goes_on_is_one_row() -> None:
    rows = rows_of(run_workflow(looping, {"rounds": 250}, {"one": lambda: 1}))
    (row,) = rows.puts["workflows"].values()
    assert row["continued"] >= 1
    assert (row["status"], row["output"], row["input"]) == ("SUCCEEDED", "251", '{"rounds":250}')
    assert row["run_id"] == f"{row['origin']}.{row['continued']}"
    assert row["search"] == '{"customer":"c-1"}'
    assert [(key[1:], value["data"]) for key, value in rows.puts["published"].items()] == [
        ((row["origin"], "progress"), "250")
    ]
    assert sum(1 for task in rows.puts["tasks"].values() if task["task"] == "one") == 251
    assert all(task["decided"] >= FINAL for task in rows.puts["tasks"].values())


def test_a_workflow_that_begins_anew_is_one_row_with_its_last_input() -> None:
    rows = rows_of(run_workflow(turning, {"left": 3}))
    (row,) = rows.puts["workflows"].values()
    assert (row["status"], row["continued"], row["search"], row["output"]) == ("SUCCEEDED", 3, '{"left":0}', '"over"')
    assert row["input"] == "0"
    assert row["started_at"] == rows.puts["tasks"][next(iter(rows.puts["tasks"]))]["started_at"]
