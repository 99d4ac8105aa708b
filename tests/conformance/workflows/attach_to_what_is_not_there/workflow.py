"""To wait for a workflow that nobody has started is an error at once."""

from __future__ import annotations

from headrace import AttachFailed, WorkflowContext, workflow


@workflow
async def hopeful(ctx: WorkflowContext) -> str:
    try:
        return str(await ctx.attach("nobody"))
    except AttachFailed as failed:
        return failed.error
