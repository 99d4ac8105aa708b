"""The small examples do what their READMEs say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from examples.hello.hello import hello, welcome
from examples.hello_graph import tasks as shop
from headrace.testing import run_workflow

ORDER = Path(shop.__file__).with_name("order.yaml")
TASKS: dict[str, Any] = {
    task.name: task.function for task in (shop.check, shop.pick, shop.send, shop.apologise, shop.close_order)
}


def test_hello_greets_everybody_and_the_guest() -> None:
    result = run_workflow(hello, {"names": ["Ada", "Grace", ""]}, children={"welcome": welcome})
    assert result.status == "SUCCEEDED", result.cause
    assert result.output == {
        "letter": "Hello, Ada!\nHello, Grace!\nHello, the new one!\nYours, headrace",
        "greeted": 3,
        "nameless": 1,
    }


def test_a_task_that_fails_is_caught_in_the_workflow() -> None:
    result = run_workflow(welcome, {"name": ""})
    assert (result.status, result.output) == ("SUCCEEDED", "Hello, whoever you are! (NamelessError)")


@pytest.mark.parametrize(
    ("items", "sent", "apology"),
    [
        (["book", "pen"], "book, pen on the way", None),
        (["book", "unicorn"], "book on the way", "We are sorry: no unicorn"),
        (["unicorn"], None, "We are sorry: no unicorn"),
        ([], None, None),
    ],
)
def test_an_order_sends_what_there_is(items: list[str], sent: str | None, apology: str | None) -> None:
    result = run_workflow(ORDER, {"items": items}, TASKS, workflow_id="order-1")
    assert (result.status, result.error, result.cause) == ("SUCCEEDED", None, None)
    assert result.output == {"sent": sent, "apology": apology, "closed": "order-1 is closed"}


def test_a_busy_shelf_is_tried_again_and_one_lost_item_is_tolerated() -> None:
    attempts: list[str] = []

    def pick(item: str) -> dict[str, Any]:
        attempts.append(item)
        if item == "lamp" or attempts.count(item) < 2:
            raise shop.ShelfBusyError(item)
        return {"item": item, "left": 0}

    result = run_workflow(ORDER, {"items": ["book", "lamp"]}, {**TASKS, "pick": pick})
    assert result.status == "SUCCEEDED", result.cause
    assert result.output["sent"] == "book on the way"
    assert (attempts.count("book"), attempts.count("lamp")) == (2, 3)
