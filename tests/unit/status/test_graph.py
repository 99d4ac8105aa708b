"""The graph of a workflow."""

from __future__ import annotations

from typing import Any

import pytest

from headrace_status.api.graph import count_unheard, declared_shapes, graph
from headrace_status.api.listings import WORKFLOW_STATUSES

SOURCE = """
{"tasks": {
  "a": {"task": "list"},
  "b": {"workflow": "child", "needs": ["a"]},
  "c": {"sleep": "5m", "needs": ["a"], "foreach": "{% $x %}"}},
 "on_exit": {"task": "tidy"}}
"""


def task(name: str, status: str, step: int = 0, **fields: Any) -> dict[str, Any]:
    empty = {
        "index": None,
        "task": "t",
        "kind": "task",
        "attempt": 1,
        "error": None,
        "cause": None,
        "reason": None,
        "child_id": None,
    }
    return {**empty, "started_at": None, "ended_at": None, "name": name, "status": status, "step": step, **fields}


def statuses(found: dict[str, Any]) -> dict[str, str]:
    return {node["name"]: node["status"] for node in found["nodes"]}


def test_the_definition_gives_nodes_and_edges() -> None:
    found = graph("graph", SOURCE, "RUNNING", [task("a", "RUNNING")], {})
    assert [(node["name"], node["kind"], node["foreach"]) for node in found["nodes"]] == [
        ("a", "task", False),
        ("b", "child", False),
        ("c", "timer", True),
        ("on_exit", "task", False),
    ]
    assert [(edge["from"], edge["to"]) for edge in found["edges"]] == [
        ("a", "b"),
        ("a", "c"),
        ("b", "on_exit"),
        ("c", "on_exit"),
    ]
    assert statuses(found) == {"a": "RUNNING", "b": "WAITING", "c": "WAITING", "on_exit": "WAITING"}
    assert list(declared_shapes(SOURCE)) == ["a", "b", "c", "on_exit"]


@pytest.mark.parametrize(
    ("workflow_status", "expected"),
    [
        (None, "WAITING"),
        ("RUNNING", "WAITING"),
        ("PAUSED", "WAITING"),
        ("STUCK", "WAITING"),
        ("FAILED", "CANCELLED"),
        ("CANCELLED", "CANCELLED"),
        ("TERMINATED", "CANCELLED"),
        ("TIMED_OUT", "CANCELLED"),
        ("SUCCEEDED", "SKIPPED"),
    ],
)
def test_nodes_that_nothing_was_heard_of(workflow_status: str | None, expected: str) -> None:
    found = statuses(graph("graph", SOURCE, workflow_status, [], {}))
    assert found == dict.fromkeys(("a", "b", "c", "on_exit"), expected)


@pytest.mark.parametrize("workflow_status", WORKFLOW_STATUSES)
def test_the_counts_agree_with_the_graph(workflow_status: str) -> None:
    shown = statuses(graph("graph", SOURCE, workflow_status, [task("a", "FAILED")], {}))
    unheard = [status for name, status in shown.items() if name != "a"]
    assert count_unheard(workflow_status, declared_shapes(SOURCE), {"a"}) == {unheard[0]: len(unheard)}
    assert count_unheard(workflow_status, declared_shapes(SOURCE), shown) == {}


@pytest.mark.parametrize(
    ("items", "ended", "expected"),
    [
        (["SUCCEEDED", "RUNNING"], None, "RUNNING"),
        (["SUCCEEDED", "SCHEDULED"], None, "SCHEDULED"),
        (["SUCCEEDED"], None, "RUNNING"),
        (["SUCCEEDED", "FAILED"], None, "FAILED"),
        (["SUCCEEDED", "FAILED"], "SUCCEEDED", "SUCCEEDED"),
        ([], "SUCCEEDED", "SUCCEEDED"),
    ],
)
def test_a_node_with_items(items: list[str], ended: str | None, expected: str) -> None:
    tasks = [task("c", status, at, index=at) for at, status in enumerate(items)]
    ends = {"c": {"status": ended, "error": None, "cause": None, "ended_at": None}} if ended else {}
    found = graph("graph", SOURCE, "RUNNING", tasks, ends)
    assert statuses(found)["c"] == expected


def test_a_source_that_cannot_be_read_gives_the_steps_instead() -> None:
    for source in ("", "not json", "[]", '{"tasks":[]}', '{"tasks":{"a":1}}'):
        found = graph("graph", source, "RUNNING", [task("x", "SUCCEEDED"), task("y", "RUNNING", 1)], {})
        assert (found["layout"], found["edges"]) == ("sequence", [{"from": "x", "to": "y"}])


SIGNALS = """
{"tasks": {
  "ask": {"task": "ask", "callback": {"timeout": "2d"}},
  "paid": {"wait_for": "paid", "needs": ["ask"]},
  "either": {"wait_for": "either"}},
 "on_exit": {"wait_for": "bye"}}
"""


def test_a_node_waits_for_its_signal_once_its_needs_are_over() -> None:
    found = graph("graph", SIGNALS, "RUNNING", [task("ask", "RUNNING")], {})
    assert statuses(found) == {"ask": "RUNNING", "paid": "WAITING", "either": "WAITING", "on_exit": "WAITING"}
    assert [node["reason"] for node in found["nodes"]] == [None, None, "waits for signal either", None]
    done = {"status": "SUCCEEDED", "error": None, "cause": None, "ended_at": None}
    found = graph("graph", SIGNALS, "PAUSED", [task("ask", "SUCCEEDED")], {"ask": done, "either": done})
    assert statuses(found) == {"ask": "SUCCEEDED", "paid": "WAITING", "either": "SUCCEEDED", "on_exit": "WAITING"}
    assert [node["reason"] for node in found["nodes"]] == [None, "waits for signal paid", None, None]
    found = graph("graph", SIGNALS, "CANCELLED", [task("ask", "SUCCEEDED")], {"ask": done})
    assert statuses(found) == {"ask": "SUCCEEDED", "paid": "CANCELLED", "either": "CANCELLED", "on_exit": "CANCELLED"}
