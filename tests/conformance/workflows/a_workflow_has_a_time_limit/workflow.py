"""A workflow that takes longer than it may is ended, after its clean-up."""

from __future__ import annotations

from headrace import WorkflowContext, task, workflow


@task
def tidy() -> None:
    """Put things away."""


@workflow(timeout="1h")
async def slow(ctx: WorkflowContext) -> None:
    try:
        await ctx.sleep("2h")
    finally:
        await ctx.run(tidy)
