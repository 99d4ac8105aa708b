"""A sleep is a timer, for seconds or for years."""

from __future__ import annotations

from datetime import timedelta

from headrace import WorkflowContext, workflow


@workflow
async def long(ctx: WorkflowContext) -> list[str]:
    await ctx.sleep("30d")
    first = ctx.now
    await ctx.sleep_until(first + timedelta(days=730))
    return [first.date().isoformat(), ctx.now.date().isoformat()]
