"""The first failure in a gather cancels the others and is raised."""

from __future__ import annotations

from headrace import NonRetryable, TaskFailed, WorkflowContext, task, workflow


@task
def dig() -> None:
    raise NonRetryable("no water")


@workflow
async def well(ctx: WorkflowContext) -> str:
    try:
        await ctx.gather(ctx.sleep("30d"), ctx.run(dig))
    except TaskFailed as failed:
        return failed.cause.splitlines()[0].rpartition(": ")[2]
    return "water"
