"""Which nodes run, in which order, and what the workflow ends with."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.engine.kernel.requests import CancelStep, EndNode, Refuse, RunTask, Sleep, StartChild
from headrace.engine.programs.graph import rules
from tests.unit.graph_program.driver import Driver, Failed, graph


def fail(_input: Any) -> Any:
    raise Failed("ValueError", "no good")


def test_a_chain_hands_outputs_on() -> None:
    document = graph(
        {
            "a": {"task": "double", "input": "{% $input.n %}"},
            "b": {"task": "double", "needs": ["a"], "input": "{% $tasks.a.output %}"},
            "c": {"task": "double", "needs": ["b"], "input": "{% $tasks.a.output + $tasks.b.output %}"},
        },
        output={"last": "{% $tasks.c.output %}", "fixed": 1},
    )
    run = Driver(document, {"double": lambda n: n * 2}, input={"n": 1}).run()
    assert run.output == {"last": 12, "fixed": 1}
    assert run.asked(RunTask) == [("a", -1), ("b", -1), ("c", -1)]


@pytest.mark.parametrize("seed", range(10))
def test_a_diamond_joins(seed: int) -> None:
    document = graph(
        {
            "top": {"task": "t"},
            "left": {"task": "t", "needs": ["top"]},
            "right": {"task": "t", "needs": ["top"]},
            "bottom": {"task": "list", "needs": ["left", "right"], "input": ["{% $tasks.left.output & 'l' %}", 2]},
        }
    )
    run = Driver(document, {"list": lambda parts: parts}, seed=seed).run()
    assert run.output == ["tl", 2]
    assert run.most_open == 2
    assert run.asked(RunTask)[-1] == ("bottom", -1)


def test_without_output_the_leaves_are_the_output() -> None:
    tasks = {"a": {"task": "x"}, "b": {"task": "y"}, "c": {"task": "z", "needs": ["a"]}}
    assert Driver(graph(tasks)).run().output == {"b": "y", "c": "z"}
    assert Driver(graph({"a": {"task": "x"}})).run().output == "x"
    assert Driver(graph({"a": {"task": "x", "when": False}})).run().output is None


def test_an_input_left_out_is_an_empty_object() -> None:
    assert Driver(graph({"a": {"task": "echo"}}), {"echo": lambda value: value}).run().output == {}


@pytest.mark.parametrize(
    ("run_if", "first", "second", "expected"),
    [
        ("all_succeeded", "ok", "ok", "RUN"),
        ("all_succeeded", "ok", "skip", "SKIPPED"),
        ("all_succeeded", "skip", "fail", "UPSTREAM_FAILED"),
        ("none_failed", "skip", "ok", "RUN"),
        ("none_failed", "skip", "skip", "RUN"),
        ("none_failed", "ok", "fail", "UPSTREAM_FAILED"),
        ("all_done", "fail", "skip", "RUN"),
        ("any_failed", "ok", "skip", "SKIPPED"),
        ("any_failed", "ok", "fail", "RUN"),
        ("all_succeeded", "ok", "minor", "SKIPPED"),
        ("none_failed", "ok", "minor", "RUN"),
        ("any_failed", "ok", "minor", "SKIPPED"),
    ],
)
def test_run_if(run_if: str, first: str, second: str, expected: str) -> None:
    kinds: dict[str, dict[str, Any]] = {
        "ok": {"task": "ok"},
        "skip": {"task": "ok", "when": False},
        "fail": {"task": "fail"},
        "minor": {"task": "fail", "significant": False},
    }
    document = graph(
        {"a": kinds[first], "b": kinds[second], "c": {"task": "ok", "needs": ["a", "b"], "run_if": run_if}}
    )
    run = Driver(document, {"fail": fail}).run()
    assert run.done
    assert run.skips().get("c", "RUN") == expected
    assert (("c", -1) in run.asked(RunTask)) == (expected == "RUN")
    if "fail" in (first, second):
        assert run.error == ("ValueError", f"task {'ab'[[first, second].index('fail')]}: no good")


def test_every_run_if_has_a_verdict_for_every_case() -> None:
    assert rules.VERDICTS.keys() == {"all_succeeded", "none_failed", "all_done", "any_failed"}
    assert {v for row in rules.VERDICTS.values() for v in row} == {"RUN", "SKIPPED", "UPSTREAM_FAILED"}


def test_a_failure_fails_the_workflow_after_all_that_still_can_run() -> None:
    document = graph(
        {
            "bad": {"task": "fail"},
            "below": {"task": "t", "needs": ["bad"]},
            "far_below": {"task": "t", "needs": ["below"]},
            "clean": {"task": "t", "needs": ["bad"], "run_if": "all_done"},
            "other": {"task": "t"},
            "after_other": {"task": "t", "needs": ["other"]},
        }
    )
    run = Driver(document, {"fail": fail}, hold=frozenset({"after_other"})).run()
    assert not run.done
    run.hold = frozenset()
    assert run.run().error == ("ValueError", "task bad: no good")
    assert run.skips() == {"below": "UPSTREAM_FAILED", "far_below": "UPSTREAM_FAILED"}
    assert ("clean", -1) in run.asked(RunTask)


def test_a_failure_that_is_not_significant_counts_as_skipped() -> None:
    document = graph(
        {
            "minor": {"task": "fail", "significant": False},
            "below": {"task": "t", "needs": ["minor"]},
            "still": {"task": "t", "needs": ["minor"], "run_if": "none_failed"},
        },
        output="{% $tasks.minor.status %}",
    )
    run = Driver(document, {"fail": fail}).run()
    assert run.output == "FAILED"
    assert run.skips() == {"below": "SKIPPED"}


def test_when_decides_by_the_results_so_far() -> None:
    document = graph(
        {
            "a": {"task": "three"},
            "no": {"task": "t", "needs": ["a"], "when": "{% $tasks.a.output > 5 %}"},
            "yes": {"task": "t", "needs": ["a"], "when": "{% $tasks.a.output < 5 %}"},
            "below": {"task": "t", "needs": ["no", "yes"]},
        },
    )
    run = Driver(document, {"three": lambda _: 3}).run()
    assert run.skips() == {"no": "SKIPPED", "below": "SKIPPED"}
    assert run.done and run.kernel.main is not None and run.kernel.main.error is None


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"input": "{% $input.missing %}"}, "undefined"),
        ({"when": "{% $input.missing %}"}, "undefined"),
        ({"timeout": "{% 5 %}"}, "duration"),
        ({"priority": "{% 10 %}"}, "from 0 to 9"),
        ({"queue": "{% '' %}"}, "queue"),
        ({"retry": {"max_attempts": "{% 0 %}"}}, "max_attempts"),
        ({"foreach": "{% 3 %}"}, "a list"),
        ({"foreach": [1], "concurrency": "{% 0 %}"}, "from 1"),
        ({"resource": {"name": "r", "units": "{% 3 %}"}}, "from 1 to 2"),
    ],
)
def test_an_expression_without_a_fitting_result_fails_its_task(fields: dict[str, Any], found: str) -> None:
    document = graph({"a": {"task": "t", **fields}, "b": {"task": "t"}}, resources={"r": {"capacity": 2}})
    run = Driver(document, input={}).run()
    error, cause = run.error
    assert error == "headrace.ExpressionError"
    assert cause.startswith("task a: Expected") and found in cause
    assert run.asked(Refuse) == [("a", -1)]
    assert run.asked(RunTask) == [("b", -1)]


def test_dynamic_fields_reach_the_request() -> None:
    fields = {
        "queue": "{% 'q' & $tasks.a.output %}",
        "priority": "{% $tasks.a.output %}",
        "timeout": "{% $string($tasks.a.output) & 'm' %}",
        "retry": {"max_attempts": "{% $tasks.a.output + 1 %}", "interval": "2s"},
        "resource": {"name": "r", "units": "{% $tasks.a.output %}"},
    }
    document = graph(
        {"a": {"task": "seven"}, "b": {"task": "t", "needs": ["a"], **fields}}, resources={"r": {"capacity": 9}}
    )
    run = Driver(document, {"seven": lambda _: 7}).run()
    request = run.requests[-1]
    assert isinstance(request, RunTask) and request.retry is not None
    assert (request.queue, request.priority, request.timeout_ms) == ("q7", 7, 420_000)
    assert (request.retry.max_attempts, request.retry.interval_ms) == (8, 2_000)
    assert (request.resource, request.units, request.capacity) == ("r", 7, 9)


def test_sleep_and_children() -> None:
    document = graph(
        {"nap": {"sleep": "1h30m"}, "child": {"workflow": "other", "needs": ["nap"], "input": {"x": 1}}},
    )
    run = Driver(document, {"other": lambda value: value["x"] + 1}).run()
    assert run.output == 2
    assert run.asked(Sleep, StartChild) == [("nap", -1), ("child", -1)]
    assert isinstance(run.requests[0], Sleep) and run.requests[0].duration_ms == 5_400_000


def test_a_child_is_tried_again_by_its_rules() -> None:
    calls: list[int] = []

    def flaky(_: Any) -> str:
        calls.append(1)
        if len(calls) < 3:
            raise Failed("headrace.ChildFailed", "not yet")
        return "ok"

    retry = {"schedule": ["5m", "10m"]}
    run = Driver(graph({"c": {"workflow": "flaky", "retry": retry}}), {"flaky": flaky}).run()
    assert run.output == "ok"
    assert [r.duration_ms for r in run.requests if isinstance(r, Sleep)] == [300_000, 600_000]


def test_a_child_that_takes_too_long_is_given_up() -> None:
    run = Driver(graph({"c": {"workflow": "slow", "timeout": "1m"}}))
    timer = next(step for step, request in run.open.items() if isinstance(request, Sleep))
    run.end(timer, run.outcome_of(run.open[timer]))
    assert run.error[0] == "headrace.TaskTimedOut"
    assert run.asked(CancelStep) == [("c", -1)] and not run.open
    quick = Driver(graph({"c": {"workflow": "quick", "timeout": "1m"}}))
    child = next(step for step, request in quick.open.items() if isinstance(request, StartChild))
    quick.end(child, quick.outcome_of(quick.open[child]))
    assert quick.output == "quick" and not quick.open


def test_an_output_that_is_undefined_fails_the_workflow() -> None:
    run = Driver(graph({"a": {"task": "t", "when": False}}, output="{% $tasks.a.output %}")).run()
    assert run.error[0] == "headrace.ExpressionError"
    assert "undefined" in run.error[1]


def test_previous_and_workflow() -> None:
    document = graph(
        {"a": {"task": "echo", "input": ["{% $workflow.id %}", "{% $previous.output.n ?? 0 %}"]}},
    )
    assert Driver(document, {"echo": lambda v: v}, previous=b'{"n":5}').run().output == ["w-1", 5]
    assert Driver(document, {"echo": lambda v: v}).run().output == ["w-1", 0]


def test_time_and_chance_are_those_of_the_command() -> None:
    task = {"task": "echo", "input": ["{% $millis() %}", "{% $random() %}", "{% $random() %}"]}
    runs = [Driver(graph({"a": task}), {"echo": lambda v: v}).run().output for _ in range(2)]
    assert runs[0] == runs[1]
    assert runs[0][0] == 1_700_000_000_000
    assert runs[0][1] != runs[0][2]


def test_a_list_of_one_stays_a_list_on_its_way() -> None:
    document = graph(
        {
            "list": {"task": "one"},
            "each": {"task": "echo", "needs": ["list"], "foreach": "{% $tasks.list.output %}"},
            "all": {"task": "echo", "needs": ["each"], "input": {"rows": "{% $tasks.each.output %}"}},
        }
    )
    run = Driver(document, {"one": lambda _: ["a"], "echo": lambda v: v}).run()
    assert run.output == {"rows": ["a"]}
    assert run.asked(EndNode) == [("each", -1)]
