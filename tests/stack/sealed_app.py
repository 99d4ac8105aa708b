"""The app of the test of sealed payloads: whatever can carry what users gave carries the secret."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from headrace import TaskFailed, async_task, current, listener, task, workflow
from tests.stack.app import SCRATCH


@dataclass
class Card:
    number: str


@task
def card_charge(card: Card, times: int) -> list[Card]:
    current().heartbeat({"card": card.number})
    return [card] * times


@task
async def card_decline(card: Card) -> None:
    raise ValueError(f"the card {card.number} is declined")


@task
def card_upper(text: str) -> str:
    return text.upper()


@async_task(poll_every="50ms")
class CardExport:
    """Has a handle, which the dispatcher's journal keeps."""

    def submit(self, key: str, /, text: str) -> dict[str, str]:
        return {"job": text}

    def poll(self, handle: dict[str, str], /) -> str:
        return handle["job"]

    def cancel(self, handle: dict[str, str], /) -> None:
        raise NotImplementedError


@workflow
async def card_receipt(ctx: Any, card: Card) -> Card:
    return card


@workflow
async def sealed(ctx: Any, card: Card) -> dict[str, Any]:
    previous = ctx.previous
    cards = await ctx.run(card_charge, card, times=2)
    noted = ctx.memo(lambda: {"noted": card.number})
    ctx.publish("progress", {"card": card.number})
    try:
        await ctx.run(card_decline, card)
    except TaskFailed as failed:
        declined = failed.cause.partition("\n")[0]
    signal = await ctx.receive("go", type=Card)
    child = await ctx.child(card_receipt, card)
    exported = await ctx.run(CardExport, card.number)
    return {
        "cards": cards,
        "noted": noted,
        "declined": declined,
        "signal": signal,
        "child": child,
        "exported": exported,
        "previous": previous,
    }


@workflow
async def card_failing(ctx: Any, card: Card) -> None:
    raise LookupError(f"nobody knows {card.number}")


@workflow
async def card_rounds(ctx: Any, card: Card, left: int) -> Card:
    if left:
        ctx.continue_as_new(card=card, left=left - 1)
    return card


@task
def card_many(card: Card, times: int) -> list[str]:
    return [card.number] * times


@task
def card_count(numbers: list[str]) -> int:
    return len(set(numbers))


@workflow
async def card_large(ctx: Any, card: Card, more: list[str]) -> dict[str, Any]:
    numbers = await ctx.run(card_many, card, 100_000)
    return {"distinct": await ctx.run(card_count, numbers), "more": await ctx.run(card_count, more), "all": numbers}


@listener(events=["WorkflowSucceeded"], where="$event.name = 'sealed'", start="earliest")
def tell_sealed(event: Any) -> None:
    (SCRATCH / "heard.txt").write_text(event.output["child"]["number"], encoding="utf-8")
