"""A child is cancelled with its parent, unless told otherwise."""

from __future__ import annotations

from headrace import WorkflowContext, workflow


@workflow
async def kid(ctx: WorkflowContext, n: int) -> int:
    await ctx.sleep("1d")
    return n * n


@workflow
async def parent(ctx: WorkflowContext) -> str:
    ctx.child(kid, n=1, parent_close="cancel")
    return "gone"
