"""An input that does not fit fails the workflow before anything has run."""

from __future__ import annotations

from headrace import WorkflowContext, task, workflow


@task
def never() -> None:
    """Not reached."""


@workflow
async def strict(ctx: WorkflowContext, name: str) -> None:
    await ctx.run(never)
