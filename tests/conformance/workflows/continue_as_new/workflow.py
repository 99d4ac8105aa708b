"""A workflow may begin anew with another input, under its own id."""

from __future__ import annotations

from headrace import WorkflowContext, workflow


@workflow
async def countdown(ctx: WorkflowContext, n: int) -> list[object]:
    await ctx.sleep("1d")
    if n:
        await ctx.continue_as_new(n=n - 1)
    return [n, await ctx.receive("word")]
