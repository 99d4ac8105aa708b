"""Many may wait for one workflow, whoever has started it."""

from __future__ import annotations

from headrace import WorkflowContext, workflow


@workflow
async def kid(ctx: WorkflowContext, n: int) -> int:
    await ctx.sleep("1d")
    return n * n


@workflow
async def waits(ctx: WorkflowContext) -> int:
    return int(await ctx.attach("nine"))


@workflow
async def family(ctx: WorkflowContext) -> list[int]:
    ctx.child(kid, n=3, id="nine")
    both = await ctx.gather(ctx.child(waits), ctx.child(waits))
    return [*both, int(await ctx.attach("nine"))]
