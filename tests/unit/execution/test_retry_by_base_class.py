"""Retry rules name classes, and a class stands for its subclasses, as in `except`."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.authoring.retry import Retry
from headrace.testing import run_workflow

GRAPH: dict[str, Any] = {"apiVersion": "headrace/v1", "name": "g", "tasks": {"a": {"task": "a"}}}


class Refused(ConnectionRefusedError):
    pass


@pytest.mark.parametrize(
    ("rules", "attempts"),
    [
        (Retry(max_attempts=3, on=[OSError]), 3),
        (Retry(max_attempts=3, on=[Refused]), 3),
        (Retry(max_attempts=3, on=["builtins.ConnectionError"]), 3),
        (Retry(max_attempts=3, on=[ValueError]), 1),
        (Retry(max_attempts=3, off=[OSError]), 1),
        (Retry(max_attempts=3, off=[Exception]), 1),
        (Retry(max_attempts=3, off=[LookupError]), 3),
        (Retry(max_attempts=3, on=[OSError], off=[ConnectionError]), 1),
    ],
)
def test_rules_match_base_classes(rules: Retry, attempts: int) -> None:
    tried = []

    def a() -> None:
        tried.append(1)
        raise Refused("nobody there")

    policy = rules.policy()
    retry = {"max_attempts": policy.max_attempts, "interval": "1s"}
    retry |= {field: names for field, names in (("on", policy.on), ("off", policy.off)) if names}
    definition = GRAPH | {"tasks": {"a": {"task": "a", "retry": retry}}}
    assert run_workflow(definition, tasks={"a": a}).status == "FAILED"
    assert len(tried) == attempts


def test_an_input_that_does_not_fit_fails_as_on_a_worker() -> None:
    definition = GRAPH | {"tasks": {"a": {"task": "a", "input": {"x": 1}, "retry": {"max_attempts": 3}}}}
    result = run_workflow(definition, tasks={"a": lambda: None})
    assert (result.status, result.error) == ("FAILED", "headrace.InputMismatch")
