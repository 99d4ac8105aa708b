"""What mypy must refuse, each line with what it says."""

from __future__ import annotations

from headrace import WorkflowContext
from tests.unit.author_types.sample import monthly, price, send


async def wrong(ctx: WorkflowContext) -> None:
    """Make mistakes."""
    await ctx.run(price, 3)  # E: arg-type
    await ctx.run(price)  # E: call-overload
    await ctx.run(send, bill="x")  # E: arg-type
    await ctx.run(price, "a", year=1)  # E: call-overload
    assert (await ctx.run(price, "a")).dollars  # E: attr-defined
    (await ctx.child(monthly, "a")).upper()  # E: attr-defined
    ctx.child(monthly, customer=3)  # E: call-overload
    ctx.child(monthly, "a", parent_close="keep")  # E: call-overload
