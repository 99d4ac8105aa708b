"""What a memo returned is recorded, and not asked for again."""

from __future__ import annotations

from headrace import WorkflowContext, workflow

CALLS = iter(range(1, 100))


@workflow
async def once(ctx: WorkflowContext) -> list[int]:
    value = ctx.memo(lambda: next(CALLS))
    await ctx.sleep("1d")
    await ctx.sleep("1d")
    return [value, value]
