"""Dispatching rules in documents: what they become, and what is refused, with its place."""

from __future__ import annotations

import pytest

from headrace.contracts.task_rules import TaskLimit, TaskRules
from headrace.engine.graph import load_graph
from tests.unit.graph.documents import problems, yaml


def test_rules_become_what_travels_with_a_task() -> None:
    text = (
        "  a: {task: t, fairness_key: ant, weight: 2, slots: 3, at_once: 5, rate: 100/1m, concurrency_key: k,\n"
        "      key_rate: 2/1s, require: {gpu: 'yes'}, prefer: w1, schedule_to_start: 5m, schedule_to_close: 2h,\n"
        "      warn_after: 10m}\n"
    )
    rules = load_graph(yaml(text), source="x").node("a").rules
    assert rules is not None and not rules.expressions
    assert rules.constant == TaskRules(
        fairness_key="ant",
        weight=2.0,
        slots=3,
        limits=[
            TaskLimit(scope="task", name="t", at_once=5, per_period=100, period_ms=60_000),
            TaskLimit(scope="key", name="k", per_period=2, period_ms=1_000),
        ],
        require={"gpu": "yes"},
        prefer="w1",
        schedule_to_start_ms=300_000,
        schedule_to_close_ms=7_200_000,
        warn_after_ms=600_000,
    )


def test_a_key_alone_means_one_at_once_and_defaults_hold_for_rules_too() -> None:
    head = "defaults: {concurrency_key: k}\n"
    a, b = load_graph(
        yaml("  a: {task: t}\n  b: {task: t, concurrency_key: l, key_at_once: 3}\n", head), source="x"
    ).nodes
    assert a.rules is not None and a.rules.constant.limits == [TaskLimit(scope="key", name="k", at_once=1)]
    assert b.rules is not None and b.rules.constant.limits == [TaskLimit(scope="key", name="l", at_once=3)]


def test_who_says_nothing_has_no_rules() -> None:
    assert load_graph(yaml(), source="x").node("a").rules is None


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("slots: 0", "an integer from 1 to 1000, but found 0"),
        ("slots: true", "but found true"),
        ("slots: '{% 2 %}'", "an integer from 1 to 1000"),
        ("weight: 0", "a weight from"),
        ("weight: heavy", "a weight from"),
        ("at_once: -1", "an integer from 1"),
        ("rate: 100", "a rate such as 100/1m"),
        ("rate: 0/1m", "a rate from 1"),
        ("rate: 5/0s", "in at least 1ms"),
        ("rate: 5/minute", "a duration such as"),
        ("require: {}", "labels such as"),
        ("require: {'g pu': x}", "the name of a label"),
        ("require: {gpu: true}", "label gpu to be a text"),
        ("fairness_key: ''", "a text of 1 to 200"),
        ("fairness_key: '{% ) %}'", ""),
        ("fairness_key: '{% $tasks.b.output %}'", "b"),
        ("key_at_once: 2", "concurrency_key beside key_at_once"),
        ("schedule_to_start: 0s", "at least 1ms"),
        ("schedule_to_close: 5", "a duration"),
        ("warn_after: soon", "a duration"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(field: str, message: str) -> None:
    (problem,) = problems(yaml(f"  a: {{task: t, {field}}}\n"))
    name = field.partition(":")[0]
    assert (problem.line, problem.path) == (4, f"tasks.a.{name}")
    assert message in problem.message


def test_only_tasks_are_dispatched() -> None:
    (problem,) = problems(yaml("  a: {sleep: 5m, slots: 2}\n"))
    assert problem.path == "tasks.a.slots"
