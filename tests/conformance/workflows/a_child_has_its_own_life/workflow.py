"""A child is a workflow of its own, and its output a result."""

from __future__ import annotations

from headrace import WorkflowContext, workflow


@workflow
async def kid(ctx: WorkflowContext, n: int) -> int:
    await ctx.sleep("1d")
    return n * n


@workflow
async def parent(ctx: WorkflowContext, n: int) -> list[int]:
    first = ctx.child(kid, n=n, id="mine")
    second = ctx.child(kid, n=n + 1)
    return await ctx.gather(first, second)
