"""What is played so that a decision shard's journal holds every event of notes, and of runs that go on anew."""

from __future__ import annotations

from typing import Any

from headrace.contracts.message import Message
from headrace.contracts.record_events import WorkflowContinued
from headrace.contracts.task_events import TaskScheduled
from headrace.contracts.wait_commands import SignalWorkflow
from headrace.engine.context import Limits
from headrace.engine.programs.python.errors import MemoFailed
from tests.unit.engine.decision_shard import DecisionShard, only


async def looping(ctx: Any) -> None:
    """Note what there is, then go round."""
    ctx.search(customer="c-1", total=3)
    ctx.publish("progress", {"rounds": 0})
    first = ctx.memo(lambda: 7, name="seven")
    try:
        ctx.memo(lambda: {}["missing"], name="missing")
    except MemoFailed:
        ctx.version("rounding", 1, 2)
    ctx.child("looping", parent_close="terminate").cancel("not needed")
    async for state in ctx.loop({"rounds": 0, "first": first}):
        state["rounds"] += 1
        state["heard"] = await ctx.receive("tick")
        await ctx.run("one", state["rounds"])


async def paging(ctx: Any, page: int = 0) -> None:
    """Begin anew, page by page."""
    await ctx.run("one", page)
    await ctx.continue_as_new(page=page + 1)


def going_on() -> list[Message]:
    """Play a shard on which runs go on anew, and are open at the end."""
    shard = DecisionShard(looping, paging, limits=Limits(loop_steps=2))
    shard.start("looping", workflow_id="looping-1")
    for number in range(14):
        command = SignalWorkflow(
            command_id=f"tick-{number}", workflow_id="looping-1", issued_at=0, name="tick", data=b"%d" % number
        )
        shard.command(command)
    for _ in range(11):
        task = next(event for event in reversed(shard.journal) if isinstance(event, TaskScheduled))
        shard.complete(task)
    assert any(isinstance(event, WorkflowContinued) for event in shard.journal)
    task = only(shard.start("paging", {"page": 0}, workflow_id="paging-1"), TaskScheduled)
    for _ in range(2):
        task = only(shard.complete(task), TaskScheduled)
    return shard.journal
