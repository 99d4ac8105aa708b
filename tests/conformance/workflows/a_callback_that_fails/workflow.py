"""A callback can be failed from outside."""

from __future__ import annotations

from headrace import CallbackFailed, WorkflowContext, workflow


@workflow
async def payment(ctx: WorkflowContext) -> str:
    try:
        return str(await ctx.callback())
    except CallbackFailed as failed:
        return failed.error
