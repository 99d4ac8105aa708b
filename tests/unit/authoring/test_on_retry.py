"""What a task says of retries of its workflow: at its decorator, in its bundle, and in a graph."""

from __future__ import annotations

from typing import Any

import pytest

from headrace import task
from headrace.authoring.task_stubs import task_stub
from headrace.engine.graph import load_graph
from headrace.engine.graph.problems import InvalidDefinition
from headrace.engine.programs.python.targets import task_request


def charge(amount: int) -> int:
    return amount


def graph(**fields: Any) -> dict[str, Any]:
    return {"apiVersion": "headrace/v1", "name": "g", "tasks": {"a": {"task": "one", **fields}}}


@pytest.mark.parametrize("on_retry", ["redo", "keep", ""])
def test_a_task_s_word_reaches_its_request(on_retry: Any) -> None:
    stub = task_stub(task(on_retry=on_retry)(charge))
    assert stub is not None
    assert task_request(stub, -1, b"1", "application/json", now_ms=0, seed="s").on_retry == on_retry


def test_a_task_that_says_nothing_is_taken_over_by_its_input() -> None:
    assert task(charge).on_retry == ""


def test_another_word_is_refused() -> None:
    with pytest.raises(ValueError, match="Expected on_retry of task charge to be redo or keep, but found 'always'"):
        task(on_retry="always")(charge)  # type: ignore[arg-type]


@pytest.mark.parametrize("on_retry", ["redo", "keep"])
@pytest.mark.parametrize("kind", ["task", "workflow"])
def test_a_graph_s_task_or_child_says_it_too(kind: str, on_retry: str) -> None:
    document = {**graph(), "tasks": {"a": {kind: "one", "on_retry": on_retry}}}
    assert load_graph(document, source="test").nodes[0].on_retry == on_retry


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (graph(on_retry="always"), "Expected redo or keep, but found"),
        ({**graph(), "tasks": {"a": {"sleep": "1s", "on_retry": "redo"}}}, "on_retry"),
        ({**graph(), "on_exit": {"task": "tidy", "on_retry": "keep"}}, "on_retry"),
    ],
    ids=["another word", "a timer", "on_exit, which always runs"],
)
def test_a_graph_that_says_it_wrongly_is_refused(document: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidDefinition, match=message):
        load_graph(document, source="test")
