"""What runs while things break: small tasks, and workflows in Python of every kind that must survive."""

from __future__ import annotations

from typing import Any

from headrace import NonRetryable, Retry, current, task, workflow
from headrace.engine.programs.python.errors import TaskFailed


@task(queue="chaos")
def add(value: int, step: int) -> dict[str, int]:
    return {"value": value + step}


@task(queue="chaos", retry=Retry(max_attempts=3, interval="200ms"))
def stumble(value: int) -> dict[str, int]:
    """Fails on its first attempt."""
    if current().attempt == 1:
        raise ValueError("not yet")
    return {"value": value + 1}


@task(queue="chaos")
def refuse(value: int) -> None:
    raise NonRetryable(f"never {value}")


@task(queue="chaos")
def hold(value: int) -> dict[str, int]:
    """Holds a lease, whose token tells it from every other holder."""
    return {"value": value, "token": current().fencing_token}


@workflow
async def chaos_steps_python(ctx: Any, value: int) -> dict[str, int]:
    for step in (1, 2, 3):
        value = (await ctx.run(add, value, step))["value"]
    return {"value": value}


@workflow
async def chaos_sleep_python(ctx: Any, value: int) -> dict[str, int]:
    """Three tasks with a pause before each."""
    for step in (1, 2, 3):
        await ctx.sleep("300ms")
        value = (await ctx.run(add, value, step))["value"]
    return {"value": value}


@workflow
async def chaos_retry_python(ctx: Any, value: int) -> dict[str, int]:
    first = await ctx.run(add, value, 1)
    second = await ctx.run(stumble, first["value"])
    try:
        await ctx.run(refuse, second["value"])
    except TaskFailed:
        return {"value": (await ctx.run(add, second["value"], 1))["value"]}
    raise AssertionError("the refusal was lost")


@workflow
async def chaos_family_python(ctx: Any, value: int) -> dict[str, int]:
    """Three parallel tasks, then a child workflow with the sum."""
    parts = await ctx.map(part, [value, value, value])
    child = await ctx.child(chaos_steps_python, value=sum(p["value"] for p in parts))
    return {"value": child["value"]}


@task(queue="chaos")
def part(value: int) -> dict[str, int]:
    return {"value": value}


@workflow
async def chaos_parked_python(ctx: Any, value: int) -> int:
    """Never ends by itself."""
    await ctx.run(add, value, 1)
    await ctx.sleep("30d")
    return value
