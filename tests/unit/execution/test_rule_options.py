"""The options of `@task` about dispatching."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.authoring.task_stubs import task_stub
from headrace.authoring.tasks import task
from headrace.contracts.task_rules import TaskLimit, TaskRules
from headrace.engine.programs.python.payloads import arguments_payload
from headrace.engine.programs.python.targets import task_request


def rules_of(options: dict[str, Any], *args: Any, **kwargs: Any) -> TaskRules | None:
    """Return the rules of a call, through the stub that a bundle holds."""

    @task(**options)
    def charge(order: Any) -> None: ...

    data, content_type = arguments_payload(args, kwargs)
    return task_request(task_stub(charge), -1, data, content_type, now_ms=0, seed="s").rules


def test_constant_options_travel_as_they_are() -> None:
    options = {"slots": 2, "at_once": 5, "rate": "100/1m", "require": {"gpu": "yes"}, "schedule_to_start": 300}
    rules = rules_of({**options, "schedule_to_close": "2h", "warn_after": "10m"}, 1)
    assert rules == TaskRules(
        slots=2,
        limits=[TaskLimit(scope="task", name="charge", at_once=5, per_period=100, period_ms=60_000)],
        require={"gpu": "yes"},
        schedule_to_start_ms=300_000,
        schedule_to_close_ms=7_200_000,
        warn_after_ms=600_000,
    )
    assert rules_of({}, 1) is None


@pytest.mark.parametrize(
    ("text", "args", "kwargs"),
    [
        ("{% $input.tenant %}", (), {"tenant": "ant"}),
        ("{% $input.tenant %}", ({"tenant": "ant"},), {}),
        ("{% $input %}", ("ant",), {}),
        ("{% $input.args[1] %}", (1, "ant"), {}),
    ],
)
def test_an_expression_sees_the_call(text: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    rules = rules_of({"fairness_key": text, "concurrency_key": text}, *args, **kwargs)
    assert rules is not None
    assert (rules.fairness_key, rules.limits) == ("ant", [TaskLimit(scope="key", name="ant", at_once=1)])


def test_an_expression_that_fails_says_which() -> None:
    with pytest.raises(ValueError, match="fairness_key of task charge"):
        rules_of({"fairness_key": "{% $input.tenant %}"}, 5)
    with pytest.raises(ValueError, match="the rules of task charge: Expected a weight"):
        rules_of({"weight": "{% $input %}"}, -5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"slots": 0}, "task charge: slots: Expected an integer from 1"),
        ({"slots": "two"}, "slots: Expected an integer"),
        ({"rate": "often"}, "rate: Expected a rate"),
        ({"require": {"gpu": 1}}, "Expected label gpu"),
        ({"key_rate": "1/1s"}, "Expected concurrency_key beside key_rate"),
        ({"fairness_key": "{% $tasks.a.output %}"}, "fairness_key"),
        ({"fairness": "ant"}, "Expected one of fairness_key"),
        ({"schedule_to_start": 0}, "at least 1ms"),
        ({"schedule_to_close": -1}, "schedule_to_close of task charge"),
    ],
)
def test_what_does_not_fit_is_refused_where_it_stands(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rules_of(options, 1)
