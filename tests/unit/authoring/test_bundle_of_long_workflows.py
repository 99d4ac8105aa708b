"""A workflow that goes round, notes and undoes is deployed as a bundle and runs from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from headrace import CompensationFailed, MemoFailed, TaskFailed, WorkflowContext, task, workflow
from headrace.authoring.bundle import make_bundle
from headrace.authoring.bundle_loading import load_bundle
from headrace.testing import run_workflow

RATES = {"a": 2, "b": 3}


@dataclass
class Account:
    """What a loop carries from month to month."""

    month: int
    paid: int


@task
def charge(month: int) -> int:
    """Take some money."""
    return 10 * month


@task
def refund(amount: int) -> None:
    """Give it back."""


@workflow
async def monthly(ctx: WorkflowContext, month: int) -> int:
    """Bill one month."""
    ctx.search(month=month)
    return await ctx.run(charge, month)


@workflow
async def subscription(ctx: WorkflowContext, months: int) -> list[Any]:
    """Bill month by month, with all that a long workflow uses."""
    try:
        rate = ctx.memo(lambda: max(RATES.values()), name="rate")
    except MemoFailed:
        rate = 0
    last = ctx.child(monthly, 1, parent_close="terminate")
    first = await last
    async for account in ctx.loop(Account(0, 0)):
        if account.month == months:
            break
        account.month += 1
        account.paid += await ctx.run(charge, account.month)
        ctx.publish("progress", {"month": account.month})
        await ctx.sleep("30d")
    ctx.compensate(refund, account.paid)
    try:
        await ctx.undo()
    except CompensationFailed:
        return []
    except TaskFailed:
        await ctx.continue_as_new(months)
    return [rate, first, account, ctx.version("rounding", 1, 2)]


def test_it_runs_from_its_bundle() -> None:
    source = make_bundle(subscription).to_bytes()
    function = load_bundle(source)
    given: list[int] = []
    result = run_workflow(
        function,
        input={"months": 30},
        tasks={"charge": lambda month: 10 * month, "refund": given.append},
        children={"monthly": monthly},
    )
    assert result.status == "SUCCEEDED", result.cause
    assert msgspec.json.decode(msgspec.json.encode(result.output)) == [3, 10, {"month": 30, "paid": 4_650}, 2]
    assert given == [4_650]
