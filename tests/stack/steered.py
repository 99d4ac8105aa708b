"""Workflows that the whole-stack tests steer from outside."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from headrace import task, workflow

SCRATCH = Path(os.environ.get("HEADRACE_TEST_SCRATCH", "."))


@task
def prepare(customer: str) -> str:
    """Notes that it ran, so that a test can count."""
    with (SCRATCH / f"prepared-{customer}.txt").open("a", encoding="utf-8") as file:
        file.write("x")
    return f"offer for {customer}"


@task
def deliver(customer: str) -> str:
    """Fails until the test lets it succeed."""
    if not (SCRATCH / f"deliverable-{customer}").exists():
        raise LookupError("no driver")
    return f"delivered to {customer}"


@workflow
async def approval(ctx: Any, customer: str) -> dict[str, Any]:
    ctx.search(customer=customer, tier=2)
    offer = await ctx.run(prepare, customer)
    callback = ctx.callback(timeout="1h")
    ctx.publish("ask", {"offer": offer, "token": callback.token})
    answer = await callback
    ctx.search(tier=3)
    paid = await ctx.receive("paid", timeout="1h")
    return {"answer": answer, "paid": paid}


@workflow
async def delivery(ctx: Any, customer: str) -> str:
    offer = await ctx.run(prepare, customer)
    return offer + ": " + await ctx.run(deliver, customer)


@workflow
async def rounds(ctx: Any, left: int) -> str:
    ctx.publish("left", left)
    await ctx.receive("next")
    if left:
        await ctx.continue_as_new(left - 1)
    return "done"
