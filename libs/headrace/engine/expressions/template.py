"""Templates: JSON values with expressions somewhere inside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from headrace.engine.expressions.analysis import GRAPH_VARIABLES
from headrace.engine.expressions.expression import Expression, compile_expression, is_expression
from headrace.engine.expressions.limits import DEFAULT_LIMITS, Limits
from headrace.engine.expressions.scope import Scope
from headrace.engine.expressions.values import Json

Part: TypeAlias = Any  # Json | Expression, nested


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A JSON value in which every string that is wholly `{% ... %}` is compiled.

    Attributes:
        value: the document's value, as it was written.
        expressions: every expression in it, with its place (`rows[0].name`), in the document's order.
    """

    value: Json
    parts: Part
    expressions: tuple[tuple[str, Expression], ...]

    def evaluate(
        self, bindings: Mapping[str, Json] | Scope, *, now_ms: int, seed: str, limits: Limits = DEFAULT_LIMITS
    ) -> Json:
        """Return the value with every expression replaced by its result.

        Raises:
            ExpressionError, BudgetExceeded: as `Expression.evaluate`.
        """
        if not self.expressions:
            return self.value
        scope = bindings if isinstance(bindings, Scope) else Scope(bindings)
        return _Filling(scope, now_ms, seed, limits).fill(self.parts, "")


class _Filling:
    """One evaluation of a template. Each expression has its own stream of random numbers, by its place."""

    __slots__ = ("_limits", "_now_ms", "_scope", "_seed")

    def __init__(self, scope: Scope, now_ms: int, seed: str, limits: Limits) -> None:
        self._scope = scope
        self._now_ms = now_ms
        self._seed = seed
        self._limits = limits

    def fill(self, part: Part, place: str) -> Json:
        if isinstance(part, Expression):
            seed = f"{self._seed}/{place}" if place else self._seed
            return part.evaluate(self._scope, now_ms=self._now_ms, seed=seed, limits=self._limits)
        if isinstance(part, dict):
            return {name: self.fill(inner, f"{place}.{name}") for name, inner in part.items()}
        if isinstance(part, list):
            return [self.fill(inner, f"{place}[{at}]") for at, inner in enumerate(part)]
        return part


def compile_template(value: Json, variables: Mapping[str, frozenset[str] | None] | None = GRAPH_VARIABLES) -> Template:
    """Return the template of a JSON value.

    Raises:
        InvalidExpression: of the first expression that cannot be compiled.
    """
    parts = _compile(value, variables)
    return Template(value=value, parts=parts, expressions=tuple(_expressions(parts, "")))


def evaluate_template(
    value: Json, bindings: Mapping[str, Json] | Scope, *, now_ms: int, seed: str, limits: Limits = DEFAULT_LIMITS
) -> Json:
    """Compile and evaluate in one go; expressions are compiled once for each text all the same."""
    return compile_template(value).evaluate(bindings, now_ms=now_ms, seed=seed, limits=limits)


def _compile(value: Json, variables: Mapping[str, frozenset[str] | None] | None) -> Part:
    if is_expression(value):
        return compile_expression(value, variables)
    if isinstance(value, dict):
        return {name: _compile(inner, variables) for name, inner in value.items()}
    if isinstance(value, list):
        return [_compile(inner, variables) for inner in value]
    return value


def _expressions(part: Part, place: str) -> Iterator[tuple[str, Expression]]:
    if isinstance(part, Expression):
        yield place.removeprefix("."), part
    elif isinstance(part, dict):
        for name, inner in part.items():
            yield from _expressions(inner, f"{place}.{name}")
    elif isinstance(part, list):
        for at, inner in enumerate(part):
            yield from _expressions(inner, f"{place}[{at}]")
