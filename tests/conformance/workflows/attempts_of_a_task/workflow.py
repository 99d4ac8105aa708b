"""A task is tried again by its rule, and not when that makes no sense."""

from __future__ import annotations

from headrace import Retry, WorkflowContext, task, workflow


@task(retry=Retry(schedule=["1s", "1m"]))
def send() -> None:
    """Send something."""


@task(retry=Retry(schedule=["1s", "1m"], off=[ValueError]))
def check() -> None:
    """Check something."""


@workflow
async def tries(ctx: WorkflowContext) -> None:
    await ctx.run(send)
    await ctx.run(check)
