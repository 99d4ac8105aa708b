"""An expression, compiled once and evaluated often."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from headrace.engine.budget import BudgetExceeded
from headrace.engine.expressions.analysis import GRAPH_VARIABLES, TASKS, Analysis, analyse
from headrace.engine.expressions.context import Context
from headrace.engine.expressions.errors import ExpressionError, InvalidExpression, shorten
from headrace.engine.expressions.evaluator import Evaluator
from headrace.engine.expressions.library import JsonataException
from headrace.engine.expressions.limits import DEFAULT_LIMITS, Limits
from headrace.engine.expressions.parse import parse
from headrace.engine.expressions.paths import UNDEFINED, Lookup, simple_path
from headrace.engine.expressions.random_stream import RandomStream
from headrace.engine.expressions.scope import Scope
from headrace.engine.expressions.values import Json, NotJson, TooLarge, to_json

OPENING, CLOSING = "{%", "%}"
# Definitions have tens of expressions; this is many definitions' worth, and a few megabytes at most.
_CACHE_SIZE = 4_096
# Python frames of one level of an evaluation, in the worst case (a callback from `$map` or `$sort`).
_FRAMES_PER_LEVEL = 14
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
# The recursion limit is the process's, so evaluations in several threads take turns; the interpreter lets only one run
# anyway.
_evaluating = threading.Lock()


def is_expression(value: object) -> bool:
    """Whether a value is an expression: a string that is wholly `{% ... %}` (a block's last line break aside)."""
    return (
        isinstance(value, str) and value.startswith(OPENING) and value.rstrip("\n").endswith(CLOSING) and len(value) > 3
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """A compiled expression.

    Attributes:
        source: the text between `{%` and `%}`.
        analysis: what it uses.
    """

    source: str
    analysis: Analysis = field(repr=False)
    _tree: Any = field(repr=False, compare=False)
    _simple: Lookup | None = field(repr=False, compare=False)

    @property
    def references(self) -> frozenset[str]:
        """The tasks that it names, as in `$tasks.NAME`."""
        return self.analysis.references

    @property
    def dynamic(self) -> bool:
        """Whether it may use any task (`$tasks[...]`, `$keys($tasks)`)."""
        return self.analysis.dynamic

    @property
    def variables(self) -> frozenset[str]:
        """The variables from outside that it uses, without `$`."""
        return self.analysis.variables

    @property
    def text(self) -> str:
        """The expression as it stands in a document."""
        return f"{OPENING}{self.source}{CLOSING}"

    def evaluate(
        self, bindings: Mapping[str, Json] | Scope, *, now_ms: int, seed: str, limits: Limits = DEFAULT_LIMITS
    ) -> Json:
        """Return the result, a JSON value. It may share parts with `bindings`, which are never changed.

        Args:
            bindings: the variables by name without `$`. Keep a `Scope` over several evaluations to save copies.
            now_ms: the command's time, in milliseconds since the epoch: what `$now()` and `$millis()` give.
            seed: what `$random()` and `$shuffle()` depend on; workflow and step.
            limits: how much it may take.

        Raises:
            ExpressionError: undefined, a wrong type, no JSON, or larger than the payload limit. The task fails.
            BudgetExceeded: it used too much. The workflow is stuck.
        """
        result = self.evaluate_or(UNDEFINED, bindings, now_ms=now_ms, seed=seed, limits=limits)
        if result is UNDEFINED:
            raise ExpressionError("Expected a value, but the result is undefined", self.source)
        return result

    def evaluate_or(
        self,
        default: Any,
        bindings: Mapping[str, Json] | Scope,
        *,
        now_ms: int,
        seed: str,
        limits: Limits = DEFAULT_LIMITS,
    ) -> Any:
        """Return the result, or `default` where it is undefined; otherwise like `evaluate`."""
        scope = bindings if isinstance(bindings, Scope) else Scope(bindings)
        if self._simple is not None:
            found = self._simple(scope.values)
            return default if found is UNDEFINED else _plain(found, limits)
        context = Context(now_ms=now_ms, random=RandomStream(seed), limits=limits)
        with _evaluating:
            raw = self._run(scope, context)
        if raw is None:
            return default
        try:
            return to_json(raw, limits)
        except (NotJson, TooLarge) as error:
            raise ExpressionError(str(error), self.source) from None
        except RecursionError:
            raise ExpressionError("Expected a result that is nested less deeply", self.source) from None

    def _run(self, scope: Scope, context: Context) -> Any:
        before = sys.getrecursionlimit()
        try:
            sys.setrecursionlimit(max(before, context.limits.depth * _FRAMES_PER_LEVEL + 2 * before))
            return Evaluator(context).run(self._tree, self._variables(scope))
        except JsonataException as error:
            raise ExpressionError(f"Expected a result, but: {_message(error)}", self.source) from None
        except (RecursionError, MemoryError) as error:
            resource = "stack" if isinstance(error, RecursionError) else "memory"
            where = f"in {{% {shorten(self.source)} %}}"
            raise BudgetExceeded(f"Expected an expression that ends, but it ran out of {resource} {where}") from None
        except BudgetExceeded as error:
            if error.args and "{%" in str(error.args[0]):
                raise
            raise BudgetExceeded(f"{error} in {{% {shorten(self.source)} %}}") from None
        except ExpressionError:
            raise  # a value that says itself why no expression can look into it
        except Exception as error:
            # The library meets some values that do not fit with Python's own errors; their texts differ between
            # versions.
            name = type(error).__name__
            raise ExpressionError(
                f"Expected values that fit, but the evaluation failed ({name})", self.source
            ) from error
        finally:
            sys.setrecursionlimit(before)

    def _variables(self, scope: Scope) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for name, fields in self.analysis.paths.items():
            if name == TASKS and "" not in fields:
                result[name] = scope.thawed_fields(name, fields)
            elif (value := scope.thawed(name)) is not None:
                result[name] = value
        return result


def _plain(value: Any, limits: Limits) -> Json:
    """Return a looked-up value as it is, unless it is a view that somebody made to look like an object."""
    if type(value) is dict or not isinstance(value, Mapping):
        return value
    return to_json(value, limits)


def _message(error: Any) -> str:
    text = _ADDRESS.sub("", str(error)).rstrip(".")
    return shorten(text, 500)


def compile_expression(
    text: str, variables: Mapping[str, frozenset[str] | None] | None = GRAPH_VARIABLES
) -> Expression:
    """Return the expression of a text that is wholly `{% ... %}`. Compiled once for each text.

    Raises:
        InvalidExpression: it is no JSONata, or uses a variable or function that does not exist.
    """
    if not is_expression(text):
        raise InvalidExpression(f"Expected a string that is wholly {OPENING} ... {CLOSING}", source=text)
    return compile_source(text.rstrip("\n")[len(OPENING) : -len(CLOSING)], variables)


def compile_source(source: str, variables: Mapping[str, frozenset[str] | None] | None = GRAPH_VARIABLES) -> Expression:
    """Return the expression of a JSONata text without `{%` and `%}`, as in a listener's `where`.

    Args:
        source: the text.
        variables: what it may use: variable (without `$`) -> its fields, None for any field. None: any variable.

    Raises:
        InvalidExpression: it is no JSONata, or uses a variable or function that does not exist.
    """
    key = (
        None
        if variables is None
        else tuple(sorted((n, None if f is None else tuple(sorted(f))) for n, f in variables.items()))
    )
    return _compile(source, key)


@lru_cache(maxsize=_CACHE_SIZE)
def _compile(source: str, variables: tuple[tuple[str, tuple[str, ...] | None], ...] | None) -> Expression:
    tree = parse(source)
    known = None if variables is None else {n: None if f is None else frozenset(f) for n, f in variables}
    analysis = analyse(tree, source, known)
    return Expression(source=source, analysis=analysis, _tree=tree, _simple=simple_path(tree))
