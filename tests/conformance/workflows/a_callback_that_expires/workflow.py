"""A callback that nobody completes in time is an error to be caught."""

from __future__ import annotations

from headrace import CallbackTimedOut, WorkflowContext, workflow


@workflow
async def approval(ctx: WorkflowContext) -> str:
    try:
        return str(await ctx.callback(timeout="3d"))
    except CallbackTimedOut:
        return "nobody"
