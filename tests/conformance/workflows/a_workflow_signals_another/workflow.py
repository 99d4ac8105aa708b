"""A workflow signals another one, and is told when that is not possible."""

from __future__ import annotations

from headrace import SignalRefused, WorkflowContext, workflow


@workflow
async def ear(ctx: WorkflowContext) -> str:
    return str(await ctx.receive("word"))


@workflow
async def parent(ctx: WorkflowContext) -> list[str]:
    child = ctx.child(ear, id="ear")
    await ctx.signal("ear", "word", "hello")
    heard = await child
    try:
        await ctx.signal("ear", "word", "again")
    except SignalRefused as refused:
        return [heard, refused.error]
    return [heard, ""]
