"""Tasks run one after the other, and their results are values."""

from __future__ import annotations

from headrace import WorkflowContext, task, workflow


@task
def add(a: int, b: int) -> int:
    return a + b


@task
def double(n: int) -> int:
    return 2 * n


@workflow
async def arithmetic(ctx: WorkflowContext, n: int) -> list[int]:
    more = await ctx.run(add, n, 1)
    return [more, await ctx.run(double, more)]
