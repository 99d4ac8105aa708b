"""What was done is undone in reverse when a workflow fails."""

from __future__ import annotations

from headrace import WorkflowContext, task, workflow


@task
def book(what: str) -> str:
    return what


@task
def cancel(what: str) -> str:
    return what


@task
def fly() -> None:
    """Not today."""


@workflow
async def travel(ctx: WorkflowContext) -> None:
    for what in ("flight", "hotel"):
        await ctx.run(book, what)
        ctx.compensate(cancel, what)
    await ctx.run(fly)
