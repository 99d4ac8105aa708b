"""A cancelled workflow undoes what it has done."""

from __future__ import annotations

from headrace import WorkflowContext, task, workflow


@task
def cancel(what: str) -> str:
    return what


@task
def tidy() -> None:
    """Put things away."""


@workflow
async def travel(ctx: WorkflowContext) -> None:
    ctx.compensate(cancel, "flight")
    try:
        await ctx.sleep("30d")
    finally:
        await ctx.run(tidy)
