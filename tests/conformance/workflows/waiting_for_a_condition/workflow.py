"""A workflow waits until a condition holds."""

from __future__ import annotations

from headrace import WorkflowContext, workflow


@workflow
async def election(ctx: WorkflowContext) -> int:
    votes: list[int] = []

    async def count() -> None:
        while True:
            votes.append(await ctx.receive("vote"))

    ctx.spawn(count())
    await ctx.wait_for(lambda: len(votes) == 3)
    return len(votes)
