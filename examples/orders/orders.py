"""Orders: the card is charged, a child workflow sends each parcel, and an order that fails leaves nothing behind."""

from __future__ import annotations

from dataclasses import dataclass

from headrace import NonRetryable, Retry, WorkflowContext, current, task, workflow

AGAIN = Retry(schedule=["1s", "10s", "1m"])


@dataclass(frozen=True)
class Line:
    """So many pieces of an article, at so many cents each."""

    article: str
    pieces: int
    cents: int


@dataclass(frozen=True)
class Parcel:
    """What goes into one parcel."""

    order: str
    number: int
    lines: list[Line]


@task(queue="orders", retry=AGAIN)
def charge(order: str, cents: int) -> str:
    """Charge the card, and return the payment. The key keeps a bank from charging twice."""
    current().log.info("charging %d cents under key %s", cents, current().idempotency_key)
    return f"payment-{order}"


@task(queue="orders", retry=AGAIN)
def refund(payment: str) -> None:
    """Give the money back."""
    current().log.info("refunding %s", payment)


@task(queue="orders", retry=AGAIN)
def reserve(parcel: Parcel) -> str:
    """Take the articles of a parcel from the shelf."""
    for line in parcel.lines:
        if line.article == "unicorn":
            raise NonRetryable(f"no {line.article} in stock")
    return f"shelf-{parcel.order}-{parcel.number}"


@task(queue="orders", retry=AGAIN)
def put_back(reservation: str) -> None:
    """Put articles back onto the shelf."""
    current().log.info("putting %s back", reservation)


@task(queue="orders", retry=AGAIN)
def send(parcel: Parcel, reservation: str) -> str:
    """Hand a parcel over, and return its tracking number."""
    current().log.info("sending %s", reservation)
    return f"track-{parcel.order}-{parcel.number}"


@workflow
async def parcel(ctx: WorkflowContext, parcel: Parcel) -> str:
    """Send one parcel."""
    reservation = await ctx.run(reserve, parcel)
    ctx.compensate(put_back, reservation)
    return await ctx.run(send, parcel, reservation)


@workflow
async def order(ctx: WorkflowContext, lines: list[Line], per_parcel: int = 2) -> dict[str, object]:
    """Charge the card and send all parcels; a parcel that cannot be sent fails the order, and the money goes back."""
    name = ctx.workflow_id
    total = sum(line.pieces * line.cents for line in lines)
    ctx.search(cents=total)
    payment = await ctx.run(charge, name, total)
    ctx.compensate(refund, payment)
    parcels = [
        Parcel(order=name, number=number, lines=lines[at : at + per_parcel])
        for number, at in enumerate(range(0, len(lines), per_parcel), 1)
    ]
    children = [ctx.child(parcel, each, id=f"{name}-{each.number}") for each in parcels]
    return {"payment": payment, "parcels": await ctx.gather(*children)}
