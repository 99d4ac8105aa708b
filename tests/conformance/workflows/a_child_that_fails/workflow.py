"""A child's failure is raised where it is awaited."""

from __future__ import annotations

from headrace import ChildFailed, WorkflowContext, WorkflowFailure, workflow


@workflow
async def kid(ctx: WorkflowContext) -> None:
    raise WorkflowFailure("NoWater", "the well is dry")


@workflow
async def parent(ctx: WorkflowContext) -> str:
    try:
        await ctx.child(kid)
    except ChildFailed as failed:
        return failed.error
    return "water"
