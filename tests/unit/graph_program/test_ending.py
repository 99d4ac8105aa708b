"""`on_exit`, and requests to end."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headrace.engine.kernel.outcomes import FAILED, SUCCEEDED, Outcome
from headrace.engine.kernel.requests import CancelStep, RunTask
from tests.unit.graph_program.driver import Driver, Failed, graph

SEEN = {"status": "{% $workflow.status %}", "error": "{% $workflow.error %}", "a": "{% $tasks.a.status %}"}


def document(**on_exit: Any) -> dict[str, Any]:
    tasks = {"a": {"task": "a"}, "b": {"task": "b", "needs": ["a"]}}
    return graph(tasks, on_exit={"task": "tidy", "input": SEEN, **on_exit})


def fail(_: Any) -> Any:
    raise Failed("ValueError", "no")


def last_input(run: Driver) -> Any:
    request = run.requests[-1]
    assert isinstance(request, RunTask) and request.node == "on_exit"
    return json.loads(request.input)


def test_on_exit_runs_last_and_sees_the_status() -> None:
    run = Driver(document()).run()
    assert run.output == "b"
    assert last_input(run) == {"status": "SUCCEEDED", "error": "", "a": "SUCCEEDED"}


def test_on_exit_runs_after_a_failure() -> None:
    run = Driver(document(), {"a": fail}).run()
    assert run.error == ("ValueError", "task a: no")
    assert last_input(run) == {"status": "FAILED", "error": "ValueError", "a": "FAILED"}


def test_on_exit_runs_after_an_output_that_has_no_value() -> None:
    run = Driver({**document(), "output": "{% $tasks.b.output.x %}"}).run()
    assert run.error[0] == "headrace.ExpressionError"
    assert last_input(run)["status"] == "FAILED"


def test_on_exit_decides_only_when_the_rest_succeeded() -> None:
    assert Driver(document(), {"tidy": fail}).run().error == ("ValueError", "task on_exit: no")
    assert Driver(document(significant=False), {"tidy": fail}).run().output == "b"

    def other(_: Any) -> Any:
        raise Failed("KeyError")

    assert Driver(document(), {"a": other, "tidy": fail}).run().error[0] == "KeyError"


@pytest.mark.parametrize(("reason", "status"), [("asked", "CANCELLED"), ("headrace.WorkflowTimedOut", "TIMED_OUT")])
def test_a_request_to_end_gives_up_what_is_open_and_runs_on_exit(reason: str, status: str) -> None:
    run = Driver(document())
    run.cancel(reason)
    assert run.asked(CancelStep) == [("a", -1)]
    assert last_input(run) == {"status": status, "error": reason, "a": "CANCELLED"}
    assert not run.done
    run.end(run.step_of("on_exit"), Outcome(FAILED, error="x"))
    assert run.error == ("Cancelled", reason)


def test_a_request_to_end_during_on_exit_lets_it_finish() -> None:
    run = Driver(document(), hold=frozenset({"on_exit"})).run()
    run.cancel("late")
    run.cancel("later")
    assert not run.done
    run.end(run.step_of("on_exit"), Outcome(SUCCEEDED))
    assert run.error == ("Cancelled", "later")


def test_a_request_to_end_reaches_every_branch_and_item() -> None:
    tasks = {
        "a": {"task": "t"},
        "b": {"task": "t", "foreach": [1, 2, 3], "concurrency": 2},
        "c": {"workflow": "w", "timeout": "1h", "retry": {"schedule": ["1m"]}},
        "d": {"task": "t", "needs": ["a"]},
        "e": {"sleep": "1h"},
    }
    run = Driver(graph(tasks))
    run.cancel()
    assert run.error == ("Cancelled", "asked")
    assert not run.open
    assert sorted(run.asked(CancelStep)) == [("a", -1), ("b", 0), ("b", 1), ("c", -1), ("c", -1), ("e", -1)]


def test_an_on_exit_that_has_no_input_is_refused() -> None:
    run = Driver(document(input="{% $tasks.b.output.x %}"))
    run.run()
    assert run.error[0] == "headrace.ExpressionError"
