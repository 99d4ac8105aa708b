"""A failed workflow that is retried keeps what has succeeded."""

from __future__ import annotations

from headrace import NonRetryable, WorkflowContext, task, workflow

CALLS: list[int] = []


@task
def first() -> int:
    return 1


@task
def second() -> int:
    CALLS.append(1)
    if len(CALLS) == 1:
        raise NonRetryable("not the first time")
    return 2


@workflow
async def steps(ctx: WorkflowContext) -> list[int]:
    return [await ctx.run(first), await ctx.run(second)]
