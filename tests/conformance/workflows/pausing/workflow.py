"""A paused workflow stands still, and misses nothing."""

from __future__ import annotations

from headrace import WorkflowContext, workflow


@workflow
async def steady(ctx: WorkflowContext) -> str:
    await ctx.sleep("1d")
    return str(await ctx.receive("word"))
