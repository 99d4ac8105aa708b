"""A loop without an end keeps a small record."""

from __future__ import annotations

from headrace import WorkflowContext, task, workflow


@task
def begin() -> str:
    return "begun"


@task
def turn(n: int) -> int:
    return n + 1


@workflow
async def wheel(ctx: WorkflowContext) -> list[object]:
    first = await ctx.run(begin)
    loop = ctx.loop({"turns": 0})
    async for state in loop:
        state["turns"] = await ctx.run(turn, state["turns"])
        if state["turns"] == 2_000:
            break
    return [first, loop.state["turns"]]
