"""Monthly billing: all customers in batches, by schedule, with figures while it runs."""

from __future__ import annotations

import os
from dataclasses import dataclass

from headrace import Retry, WorkflowContext, current, task, workflow

CUSTOMERS = int(os.environ.get("BILLING_CUSTOMERS", "500"))


@dataclass(frozen=True)
class Batch:
    """Customers that are charged by one task."""

    month: str
    customers: list[str]


@task(queue="billing")
def customers_of(month: str) -> list[str]:
    """Return the customers to charge for a month: a database in real life."""
    current().log.info("customers of %s", month)
    return [f"customer-{number:05}" for number in range(CUSTOMERS)]


@task(queue="billing", retry=Retry(schedule=["2s", "30s", "5m"]), timeout="5m")
def charge_batch(batch: Batch) -> int:
    """Charge the customers of a batch, and return the sum in cents. A bank takes the key, and charges nobody twice."""
    cents = 0
    for at, customer in enumerate(batch.customers):
        current().log.debug("charging %s under key %s/%s", customer, current().idempotency_key, customer)
        current().heartbeat({"charged": at + 1})
        cents += 999 + 100 * (int(customer[-2:]) % 7)
    current().record_io(rows=len(batch.customers), dataset="invoices")
    return cents


@task(queue="billing")
def report(month: str, customers: int, cents: int, before: int | None) -> str:
    """Say how the month went, beside the month before."""
    change = "" if before is None else f", {cents - before:+} cents against the month before"
    return f"{month}: {customers} customers, {cents} cents{change}"


@workflow(key="monthly")
async def monthly_billing(
    ctx: WorkflowContext, month: str = "", size: int = 50, side_by_side: int = 4
) -> dict[str, object]:
    """Charge all customers for a month: the one in which the workflow starts, unless it is told."""
    month = month or ctx.now.strftime("%Y-%m")
    ctx.search(month=month)
    customers = await ctx.run(customers_of, month)
    batches = [Batch(month, customers[at : at + size]) for at in range(0, len(customers), size)]
    cents = 0
    for at in range(0, len(batches), side_by_side):
        together = batches[at : at + side_by_side]
        cents += sum(await ctx.map(charge_batch, together))
        ctx.publish("progress", {"batches": min(at + side_by_side, len(batches)), "of": len(batches), "cents": cents})
    before = ctx.previous["cents"] if ctx.previous else None
    text = await ctx.run(report, month, len(customers), cents, before)
    return {"month": month, "cents": cents, "report": text}
