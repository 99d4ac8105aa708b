"""Waiting for a signal can have a limit."""

from __future__ import annotations

from headrace import ReceiveTimedOut, WorkflowContext, workflow


@workflow
async def patient(ctx: WorkflowContext) -> list[object]:
    try:
        return ["in time", await ctx.receive("paid", timeout="3d")]
    except ReceiveTimedOut:
        return ["late", await ctx.receive("paid")]
