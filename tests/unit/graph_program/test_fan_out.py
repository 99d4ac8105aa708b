"""`foreach`: order, concurrency, tolerance."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.engine.kernel.outcomes import Outcome
from headrace.engine.kernel.requests import CancelStep, EndNode, Refuse, RunTask, StartChild
from tests.unit.graph_program.driver import Driver, Failed, graph


def each(**fields: Any) -> dict[str, Any]:
    node = {"task": "work", "foreach": "{% $input %}", "input": {"v": "{% $item %}", "i": "{% $index %}"}, **fields}
    return graph({"each": node}, output="{% $tasks.each.output %}")


def work(given: Any) -> Any:
    if given["v"] < 0:
        raise Failed("ValueError", f"negative {given['v']}")
    return given["v"] * 10


@given(
    items=st.lists(st.integers(-1, 9), max_size=12),
    concurrency=st.integers(1, 5),
    tolerate=st.integers(0, 3),
    seed=st.integers(0, 1000),
)
def test_a_fan_out_against_a_plain_loop(items: list[int], concurrency: int, tolerate: int, seed: int) -> None:
    run = Driver(each(concurrency=concurrency, tolerate=tolerate), {"work": work}, input=items, seed=seed).run()
    assert run.done and not run.open
    assert run.most_open <= concurrency
    if sum(item < 0 for item in items) <= tolerate:
        assert run.output == [item * 10 if item >= 0 else None for item in items]
        assert run.asked(RunTask) == [("each", index) for index in range(len(items))]
        assert not run.asked(CancelStep)
    else:
        assert run.error[0] == "ValueError" and "task each: item " in run.error[1]
    assert run.asked(EndNode) == [("each", -1)]


def test_an_empty_list_succeeds_at_once() -> None:
    run = Driver(each(), {"work": work}, input=[])
    assert run.output == []
    assert run.asked(EndNode) == [("each", -1)]


def test_without_concurrency_all_run_at_once() -> None:
    assert Driver(each(), {"work": work}, input=list(range(50))).run().most_open == 50


def test_the_failure_too_many_cancels_the_rest() -> None:
    run = Driver(each(tolerate=1), {"work": work}, input=[-1, -2, 3, 4])
    run.end(run.step_of("each", 0), run.outcome_of(run.open[run.step_of("each", 0)]))
    assert not run.done
    run.end(run.step_of("each", 1), run.outcome_of(run.open[run.step_of("each", 1)]))
    assert run.error == ("ValueError", "task each: item 1: negative -2")
    assert run.asked(CancelStep) == [("each", 2), ("each", 3)]


def test_an_item_whose_input_has_no_value_fails_alone() -> None:
    document = graph(
        {"each": {"task": "work", "foreach": "{% $input %}", "input": "{% $item.v %}", "tolerate": 1}},
        output="{% $tasks.each.output %}",
    )
    run = Driver(document, {"work": lambda v: v}, input=[{"v": 1}, {}, {"v": 3}]).run()
    assert run.output == [1, None, 3]
    assert run.asked(Refuse) == [("each", 1)]


def test_children_fan_out_too() -> None:
    document = graph({"each": {"workflow": "work", "foreach": [1, 2], "concurrency": 1, "timeout": "1h"}})
    run = Driver(document, {"work": lambda v: v + 1})
    for index in (0, 1):
        step = next(s for s, r in run.open.items() if isinstance(r, StartChild))
        assert run.open[step].index == index
        run.end(step, run.outcome_of(run.open[step]))
    assert run.output == [2, 3]
    assert run.asked(StartChild) == [("each", 0), ("each", 1)]


def test_outputs_are_joined_without_being_read() -> None:
    run = Driver(each(), input=[1, 2])
    for index, data in ((1, b'{"a": 1.0}'), (0, b"12345678901234567890123")):
        run.end(run.step_of("each", index), Outcome("SUCCEEDED", data=data))
    assert run.kernel.main is not None
    assert run.kernel.main.result().data == b'[12345678901234567890123,{"a": 1.0}]'


def test_an_output_that_is_no_json_fails_the_node() -> None:
    run = Driver(each(), input=[1])
    run.end(run.step_of("each", 0), Outcome("SUCCEEDED", data=b"\x00", content_type="application/octet-stream"))
    assert run.error[0] == "headrace.ExpressionError" and "application/octet-stream" in run.error[1]


def test_bytes_pass_through_untouched() -> None:
    document = graph({"a": {"task": "t"}, "b": {"task": "t", "needs": ["a"], "input": "{% $tasks.a.output %}"}})
    run = Driver(document)
    run.end(0, Outcome("SUCCEEDED", data=b"\x89PNG", content_type="image/png"))
    request = run.requests[-1]
    assert isinstance(request, RunTask)
    assert (request.input, request.content_type) == (b"\x89PNG", "image/png")


def test_an_input_over_the_limit_is_refused() -> None:
    document = graph(
        {
            "a": {"task": "big"},
            "b": {"task": "t", "needs": ["a"], "input": ["{% $tasks.a.output %}", "{% $tasks.a.output %}"]},
        }
    )
    run = Driver(document, {"big": lambda _: "x" * 600_000}).run()
    assert run.error[0] == "headrace.ExpressionError" and "1048576" in run.error[1]


@pytest.mark.parametrize("seed", range(5))
def test_a_fan_out_inside_a_graph(seed: int) -> None:
    document = graph(
        {
            "list": {"task": "list"},
            "measure": {"task": "square", "needs": ["list"], "foreach": "{% $tasks.list.output %}", "concurrency": 3},
            "beside": {"task": "t", "needs": ["list"]},
            "report": {"task": "sum", "needs": ["measure", "beside"], "input": "{% $sum($tasks.measure.output) %}"},
        }
    )
    tasks = {"list": lambda _: list(range(10)), "square": lambda n: n * n, "sum": lambda n: n}
    assert Driver(document, tasks, seed=seed).run().output == 285
