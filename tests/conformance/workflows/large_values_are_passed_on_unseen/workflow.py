from __future__ import annotations

from typing import Any

from headrace import LargeValue, ValueTooLarge, task, workflow


@task
def read(count: int) -> dict[str, Any]:
    return {"rows": [1] * count, "count": count}


@task
def add(rows: list[int]) -> int:
    return sum(rows)


@workflow
async def tables(ctx: Any, count: int) -> dict[str, Any]:
    table = await ctx.run(read, count)
    try:
        found = len(table["rows"])
    except ValueTooLarge:
        found = await ctx.run(add, table["rows"])
    return {"count": table["count"], "found": found, "unseen": isinstance(table["rows"], LargeValue)}
