"""What the benchmarks run, as workflows in Python: tasks that do nothing, one after the other or all at once."""

from __future__ import annotations

from typing import Any

from headrace import task, workflow


@task(queue="bench")
def pass_on(value: int) -> dict[str, int]:
    """Return the value."""
    return {"value": value}


@workflow
async def bench_steps_python(ctx: Any, value: int) -> dict[str, int]:
    """Hand a value through three tasks."""
    first = await ctx.run(pass_on, value)
    second = await ctx.run(pass_on, first["value"])
    third: dict[str, int] = await ctx.run(pass_on, second["value"])
    return third


@workflow
async def bench_fanout_python(ctx: Any, value: int) -> int:
    """Run a hundred tasks at once."""
    values = await ctx.map(pass_on, range(value, value + 100))
    return len(values)


@workflow
async def bench_chain_python(ctx: Any, steps: int) -> int:
    """Run so many tasks, one after the other."""
    done = 0
    for number in range(steps):
        await ctx.run(pass_on, number)
        done += 1
    return done


@workflow
async def bench_park_python(ctx: Any, pause: str) -> str:
    """Wait for so long, and answer."""
    await ctx.sleep(pause)
    return pause
