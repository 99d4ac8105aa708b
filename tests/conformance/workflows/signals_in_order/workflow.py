"""Signals come in their order, and none before its time is lost."""

from __future__ import annotations

from headrace import WorkflowContext, workflow


@workflow
async def late(ctx: WorkflowContext) -> list[object]:
    await ctx.sleep("1d")
    return [await ctx.receive("number"), await ctx.receive("number"), await ctx.receive("letter")]
