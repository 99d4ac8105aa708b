"""What the benchmarks run: three sequential tasks that do nothing, as a workflow in Python."""

from __future__ import annotations

from typing import Any

from headrace import task, workflow


@task(queue="bench")
def pass_on(value: int) -> int:
    """Return the value."""
    return value


@workflow
async def bench_python(ctx: Any, value: int) -> int:
    """Hand a value through three tasks."""
    first = await ctx.run(pass_on, value)
    second = await ctx.run(pass_on, first)
    third: int = await ctx.run(pass_on, second)
    return third
