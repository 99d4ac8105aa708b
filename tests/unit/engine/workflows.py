"""Workflows that the engine's tests share."""

from __future__ import annotations

from typing import Any

from headrace.engine.programs.python.errors import TaskFailed

CHAIN = {
    "apiVersion": "headrace/v1",
    "name": "chain",
    "tasks": {"a": {"task": "one"}, "b": {"task": "two", "needs": ["a"]}},
    "output": "{% $tasks.b.output %}",
}
RETRYING = {
    "apiVersion": "headrace/v1",
    "name": "retrying",
    "tasks": {"a": {"task": "one", "retry": {"schedule": ["5m", "10m"], "off": ["KeyError"]}, "timeout": "1m"}},
}
LEASED = {
    "apiVersion": "headrace/v1",
    "name": "leased",
    "resources": {"parser": {"capacity": 2}},
    "tasks": {"a": {"task": "one", "resource": {"name": "parser", "units": 1}, "retry": {"schedule": ["1s"]}}},
}
LIMITED = {"apiVersion": "headrace/v1", "name": "limited", "timeout": "1h", "tasks": {"a": {"task": "one"}}}
WIDE = {
    "apiVersion": "headrace/v1",
    "name": "wide",
    "tasks": {"a": {"task": "one", "foreach": "{% $input.items %}", "input": {"x": "{% $item %}"}}},
    "output": "{% $tasks.a.output %}",
}
PARENT = {
    "apiVersion": "headrace/v1",
    "name": "parent",
    "tasks": {"kid": {"workflow": "chain"}},
    "output": "{% $tasks.kid.output %}",
}
SLEEPER = {"apiVersion": "headrace/v1", "name": "sleeper", "tasks": {"nap": {"sleep": "5m"}}}


async def sequence(ctx: Any, n: int) -> list[int]:
    """Run one task after the other, and take a failure as -1."""
    found = []
    for at in range(n):
        try:
            found.append(await ctx.run("one", at))
        except TaskFailed:
            found.append(-1)
    return found


async def spread(ctx: Any, items: list[int]) -> Any:
    """Map, sleep, map again."""
    first = await ctx.map("one", items, concurrency=2)
    await ctx.sleep("1m")
    return await ctx.gather(ctx.map("two", first), ctx.run("three", len(items)))
