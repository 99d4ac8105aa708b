"""Dispatching rules that depend on a run: what their expressions give travels with the task."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.contracts.task_rules import TaskLimit
from headrace.engine.kernel.requests import Refuse, RunTask
from tests.unit.graph_program.driver import Driver, graph

NODE = {
    "task": "t",
    "foreach": "{% $input.orders %}",
    "fairness_key": "{% $item.tenant %}",
    "weight": "{% $item.weight %}",
    "concurrency_key": "{% $item.account %}",
    "key_at_once": 2,
}


def asked(orders: list[dict[str, Any]]) -> list[RunTask]:
    driver = Driver(graph({"a": NODE}), {"t": lambda _: None}, input={"orders": orders})
    return [request for request in driver.requests if isinstance(request, RunTask)]


def test_each_item_has_the_rules_that_its_expressions_give() -> None:
    orders = [{"tenant": "ant", "weight": 2, "account": 7}, {"tenant": "bee", "weight": None, "account": None}]
    ant, bee = (request.rules for request in asked(orders))
    assert ant is not None and bee is not None
    assert (ant.fairness_key, ant.weight) == ("ant", 2.0)
    assert ant.limits == [TaskLimit(scope="key", name="7", at_once=2)]
    assert (bee.fairness_key, bee.weight, bee.limits) == ("bee", 1.0, [])


@pytest.mark.parametrize("order", [{"tenant": "ant", "weight": -1, "account": 1}, {"tenant": [], "weight": 1}])
def test_what_does_not_fit_fails_the_task(order: dict[str, Any]) -> None:
    driver = Driver(graph({"a": NODE}), {"t": lambda _: None}, input={"orders": [order]})
    assert [request for request in driver.requests if isinstance(request, Refuse)]
