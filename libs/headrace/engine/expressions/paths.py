"""Simple paths, compiled to plain look-ups: `$input.a.b`, `$tasks.list.output`, `$item`, `$index`, and literals.

They give what the evaluator gives (a property test holds them against each other), some fifty times faster, and they
are most of what people write.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from headrace.engine.expressions.values import Json

UNDEFINED: Any = object()
Lookup = Callable[[Mapping[str, Any]], Any]


def simple_path(tree: Any) -> Lookup | None:
    """Return the look-up that a tree amounts to; None when it is more than a simple path."""
    if tree.predicate or tree.stages or tree.group or tree.keep_array:
        return None
    if tree.type in ("string", "number", "value"):
        literal = tree.value
        return lambda _variables: literal
    if tree.type == "variable":
        return _path(str(tree.value), ())
    if tree.type != "path" or tree.keep_singleton_array or tree.tuple or tree.steps[0].type != "variable":
        return None
    if any(_is_special(step) for step in tree.steps) or any(step.type != "name" for step in tree.steps[1:]):
        return None
    return _path(str(tree.steps[0].value), tuple(str(step.value) for step in tree.steps[1:]))


def _is_special(step: Any) -> bool:
    return bool(
        step.predicate or step.stages or step.group or step.keep_array or step.tuple or step.focus or step.index
    )


def _path(variable: str, fields: tuple[str, ...]) -> Lookup | None:
    if variable in ("", "$"):
        return None

    def look_up(variables: Mapping[str, Any]) -> Any:
        value = variables.get(variable, UNDEFINED)
        for field in fields:
            value = _field(value, field)
            if value is UNDEFINED:
                return UNDEFINED
        return value

    return look_up


def _field(value: Json, field: str) -> Any:
    """Return a field of an object, or of all objects of a list, flattened once."""
    if isinstance(value, Mapping):
        return value.get(field, UNDEFINED)
    if not isinstance(value, list):
        return UNDEFINED
    found: list[Any] = []
    for item in value:
        part = _field(item, field)
        if isinstance(part, list):
            found.extend(part)
        elif part is not UNDEFINED:
            found.append(part)
    return found
