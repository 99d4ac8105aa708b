"""A map runs at once, and its results come in the order of its items."""

from __future__ import annotations

from headrace import WorkflowContext, task, workflow


@task
def upper(word: str) -> str:
    return word.upper()


@workflow
async def capitals(ctx: WorkflowContext, words: list[str]) -> list[list[str]]:
    return [await ctx.map(upper, words), await ctx.map(upper, words, concurrency=2)]
