"""The first to end wins a race, and the losers are cancelled."""

from __future__ import annotations

from headrace import WorkflowContext, workflow


@workflow
async def ask(ctx: WorkflowContext) -> list[object]:
    which, value = await ctx.race(answer=ctx.receive("answer"), night=ctx.sleep("8h"))
    return [which, value]
