"""A workflow as an author types it; `test_author_types.py` runs mypy over what is asserted here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, assert_type

from headrace import Client, WorkflowContext, task, workflow


@dataclass
class Bill:
    """What a month costs."""

    customer: str
    cents: int


@task
def price(customer: str, month: int = 1) -> Bill:
    """Return a bill."""
    return Bill(customer, 100 * month)


@task(queue="mail", timeout="1m")
async def send(bill: Bill) -> bool:
    """Send a bill."""
    return bill.cents > 0


@workflow
async def monthly(ctx: WorkflowContext, customer: str) -> int:
    """Bill a customer for one month."""
    bill = await ctx.run(price, customer, month=3)
    assert_type(bill, Bill)
    sent = await ctx.run(send, bill)
    assert_type(sent, bool)
    assert_type(await ctx.run("price", customer), Any)
    return bill.cents


@workflow(timeout="1h")
async def yearly(ctx: WorkflowContext, customers: list[str]) -> dict[str, int]:
    """Bill all of them."""
    bills = await ctx.map(price, customers, concurrency=4)
    assert_type(bills, list[Bill])
    assert_type(await ctx.map(send, bills), list[bool])
    child = ctx.child(monthly, "a")
    assert_type(await child, int)
    assert_type(await ctx.child(monthly, customer="b", id="b-1", parent_close="abandon"), int)
    assert_type(await ctx.child("monthly", "c"), Any)
    assert_type(ctx.memo(lambda: len(customers)), int)
    assert_type(ctx.version("rounding", 1, 2), int)
    async for state in ctx.loop({"month": 0}):
        assert_type(state, dict[str, int])
        if state["month"] == 12:
            break
        state["month"] += 1
    if not customers:
        await ctx.continue_as_new(["d"])
    ctx.compensate(send, bills[0])
    return {bill.customer: bill.cents for bill in bills}


@workflow
async def waiting(ctx: WorkflowContext, other: str) -> None:
    """Wait for others."""
    assert_type(await ctx.receive("paid"), Any)
    assert_type(await ctx.receive("paid", timeout="1d", type=Bill), Bill)
    assert_type(await ctx.attach(other, type=list[Bill]), list[Bill])
    callback = ctx.callback(timeout="1h", type=Bill)
    assert_type(callback.token, str)
    assert_type(await callback, Bill)
    beside = ctx.spawn(ctx.run(price, "a"))
    assert_type(await beside, Bill)


def outside(client: Client) -> None:
    """Call them as plain functions."""
    assert_type(price("a"), Bill)
    client.start(yearly, ["a", "b"])
