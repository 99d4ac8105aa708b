"""The dispatching rules of one call of a task in a Python workflow: their expressions see the call as `$input`."""

from __future__ import annotations

from typing import Any

import msgspec

from headrace.contracts.task_rules import TaskRules
from headrace.engine.dispatch_rules import DispatchRules
from headrace.engine.expressions import ExpressionError, compile_expression
from headrace.engine.graph.rules import filled
from headrace.engine.programs.python.payloads import CALL, from_payload
from headrace.engine.task_versions import ANY, COMPATIBLE, OWN, UNVERSIONED

INPUT_ONLY: dict[str, frozenset[str] | None] = {"input": None}
"""What an expression in a decorator may use."""
_NO_RULES = TaskRules()


def rules_for_call(
    task: str, rules: DispatchRules | None, data: bytes, content_type: str, *, now_ms: int, seed: str
) -> TaskRules | None:
    """Return the rules of one call; None where nothing is said.

    Raises:
        ValueError: an expression fails, or gives what does not fit.
    """
    if rules is None or not rules.expressions:
        return None if rules is None else rules.constant
    scope = {"input": _input(data, content_type)}
    values = {}
    for name, text in rules.expressions.items():
        expression = compile_expression(text, INPUT_ONLY)
        try:
            values[name] = expression.evaluate(scope, now_ms=now_ms, seed=seed + name)
        except ExpressionError as error:
            raise ValueError(f"{name} of task {task}: {error}") from None
    try:
        return filled(rules, values)
    except ValueError as error:
        raise ValueError(f"the rules of task {task}: {error}") from None


def with_versions(rules: TaskRules | None, task_versions: str) -> TaskRules | None:
    """Return rules under what a workflow says of versions. The default costs nothing."""
    if task_versions == COMPATIBLE:
        return rules
    if task_versions == ANY:
        return msgspec.structs.replace(rules, version="") if rules is not None and rules.version else rules
    found = rules or _NO_RULES
    return msgspec.structs.replace(found, version=found.version or UNVERSIONED, task_versions=OWN)


def _input(data: bytes, content_type: str) -> Any:
    """Return the keywords of a call, its only value, or `{"args": [...], "kwargs": {...}}`."""
    value = from_payload(data, content_type)
    if content_type == CALL and len(value["args"]) == 1 and not value["kwargs"]:
        return value["args"][0]
    return value
