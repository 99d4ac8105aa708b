"""Object constructors and `{key: value}` grouping. A group of a list's items is a list, however many fall into it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from headrace.engine.expressions.library import JsonataException
from headrace.engine.expressions.values import Listed, collapse, is_list

Eval = Callable[[Any, Any, Any], Any]


def group(evaluate: Eval, expr: Any, input: Any, environment: Any) -> dict[str, Any]:
    """Return the object that `expr` makes of `input`: for a single value its fields, for a list its groups.

    Raises:
        JsonataException: T1003, a key is no string; D1009, two key expressions give the same key.
    """
    items: list[Any] = (input if isinstance(input, list) else [input]) or [None]
    groups: dict[str, tuple[int, list[Any]]] = {}
    for item in items:
        for at, (key_expr, _) in enumerate(expr.lhs_object):
            key = collapse(evaluate(key_expr, item, environment))
            if key is None:
                continue
            if not isinstance(key, str):
                raise JsonataException("T1003", expr.position, type(key).__name__)
            pair, members = groups.setdefault(key, (at, []))
            if pair != at:
                raise JsonataException("D1009", expr.position, key)
            members.append(item)
    listed = is_list(input) and bool(input)
    result = {}
    for key, (pair, members) in groups.items():
        focus = _focus(members, listed=listed)
        value = evaluate(expr.lhs_object[pair][1], focus, environment)
        if value is not None:
            result[key] = value
    return result


def _focus(members: list[Any], *, listed: bool) -> Any:
    if not listed and len(members) == 1:
        return members[0]
    return Listed(part for member in members for part in (member if isinstance(member, list) else [member]))
