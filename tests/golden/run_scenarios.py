"""Workflows whose runs are recorded for each version of an interpreter: as much of a language as fits."""

from __future__ import annotations

from typing import Any

from headrace import TaskFailed, task, workflow

GRAPH: dict[str, Any] = {
    "apiVersion": "headrace/v1",
    "name": "golden",
    "timeout": "1d",
    "tasks": {
        "first": {"task": "one", "input": {"x": "{% $input.x %}", "now": "{% $now() %}", "random": "{% $random() %}"}},
        "second": {
            "task": "two",
            "needs": ["first"],
            "input": "{% $tasks.first.output %}",
            "retry": {"max_attempts": 3, "interval": "2s", "backoff": 3, "off": ["KeyError"]},
            "timeout": "5m",
        },
        "when": {"task": "three", "needs": ["first"], "when": "{% $tasks.first.output.node = 'nothing' %}"},
        "each": {
            "task": "four",
            "needs": ["second"],
            "foreach": "{% $input.items %}",
            "concurrency": 2,
            "tolerate": 1,
            "input": {"item": "{% $item %}", "at": "{% $index %}"},
        },
        "rescue": {"task": "five", "needs": ["second"], "run_if": "any_failed"},
        "nap": {"sleep": "10m", "needs": ["first"]},
        "kid": {"workflow": "other", "needs": ["nap"], "input": {"from": "{% $workflow.id %}"}},
        "wrong": {"task": "six", "needs": ["first"], "input": "{% $number('x') %}", "significant": False},
        "join": {"task": "seven", "needs": ["each", "kid"], "run_if": "all_done", "input": "{% $previous %}"},
    },
    "on_exit": {"task": "eight", "input": {"status": "{% $workflow.status %}"}},
    "output": {"each": "{% $tasks.each.output %}", "joined": "{% $tasks.join.output %}"},
}


@task
def one(x: Any) -> Any:
    """A task with every option at its default."""
    return x


@task(queue="other", priority=7)
def two(x: Any) -> Any:
    """A task with options."""
    return x


@workflow(name="golden_python")
async def python(ctx: Any, x: int, items: list[int]) -> Any:
    """Use all that a context has."""
    first = await ctx.run(one, x)
    lots = [ctx.random.random(), str(ctx.uuid()), ctx.now.isoformat(), ctx.attempt, ctx.previous]
    try:
        second = await ctx.map(two, items, concurrency=2)
    except TaskFailed as error:
        second = await ctx.run("rescue", why=str(error))
    await ctx.sleep("10m")
    third = await ctx.gather(ctx.run(one, lots), ctx.child("other", x=x), ctx.run(two, {"a": 1}))
    return [first, second, third]


INPUT = {"x": 5, "items": [3, 1, 2]}
CASES: dict[str, dict[str, Any]] = {
    "all goes well": {},
    "a task fails": {"fail": {"second": 1, "two": 2}},
    "too many items fail": {"fail": {"each": 2, "two": 1}},
    "newest first": {"newest_first": True},
    "asked to end": {"cancel_after": 3},
    "asked to end early": {"cancel_after": 1, "newest_first": True},
}
"""How runs go: how many ends of a node fail, which open step ends next, after how many ends a request to end comes."""
