"""A terminated workflow ends at once, without clean-up."""

from __future__ import annotations

from headrace import WorkflowContext, task, workflow


@task
def tidy() -> None:
    """Put things away."""


@workflow
async def stubborn(ctx: WorkflowContext) -> None:
    try:
        await ctx.sleep("30d")
    finally:
        await ctx.run(tidy)
