"""Chance, ids and time are the same in every replay."""

from __future__ import annotations

from headrace import WorkflowContext, workflow


@workflow
async def same(ctx: WorkflowContext) -> bool:
    before = (ctx.random.random(), ctx.uuid(), ctx.now)
    await ctx.sleep("1d")
    after = (ctx.random.random(), ctx.uuid())
    return before[:2] != after and before[2] < ctx.now
