"""What the benchmarks run, as workflows in Python: tasks that do nothing, one after the other or all at once."""

from __future__ import annotations

from typing import Any

from headrace import task, workflow


@task(queue="bench")
def pass_on(value: int) -> int:
    """Return the value."""
    return value


@workflow
async def bench_steps_python(ctx: Any, value: int) -> int:
    """Hand a value through three tasks."""
    first = await ctx.run(pass_on, value)
    second = await ctx.run(pass_on, first)
    third: int = await ctx.run(pass_on, second)
    return third


@workflow
async def bench_fanout_python(ctx: Any, value: int) -> int:
    """Run a hundred tasks at once."""
    values = await ctx.map(pass_on, range(value, value + 100))
    return len(values)
