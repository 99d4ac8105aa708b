"""Whoever has the token completes a callback, once."""

from __future__ import annotations

from headrace import WorkflowContext, task, workflow


@task
def ask(token: str) -> bool:
    return bool(token)


@workflow
async def approval(ctx: WorkflowContext) -> object:
    answer = ctx.callback(timeout="3d")
    await ctx.run(ask, answer.token)
    return await answer
