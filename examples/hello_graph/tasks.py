"""The tasks of `order.yaml`: an order is checked, its items are picked, and it is sent or the customer is told."""

from __future__ import annotations

from typing import Any

from headrace import Retry, task

QUEUE = "hello_graph"
IN_STOCK = {"book": 3, "pen": 40, "lamp": 1}


class ShelfBusyError(Exception):
    """Somebody else stands before the shelf."""


@task(queue=QUEUE)
def check(items: list[str]) -> dict[str, Any]:
    """Return the items that the shop knows, and those that it does not."""
    return {"known": [i for i in items if i in IN_STOCK], "unknown": [i for i in items if i not in IN_STOCK]}


@task(queue=QUEUE, retry=Retry(max_attempts=3, interval="100ms", on=[ShelfBusyError]))
def pick(item: str) -> dict[str, Any]:
    """Take an item from its shelf."""
    return {"item": item, "left": IN_STOCK[item] - 1}


@task(queue=QUEUE)
def send(picked: list[dict[str, Any] | None]) -> str:
    """Send what was picked."""
    return ", ".join(entry["item"] for entry in picked if entry is not None) + " on the way"


@task(queue=QUEUE)
def apologise(unknown: list[str]) -> str:
    """Tell the customer what the shop does not have."""
    return "We are sorry: no " + ", no ".join(unknown)


@task(queue=QUEUE)
def close_order(order: str) -> str:
    """Note that the order is done with, whatever became of it."""
    return f"{order} is closed"
