"""The functions that expressions can call: JSONata's without `$eval`, some of them replaced (`replacements.py`), and
all of them keeping lists lists.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from headrace.engine.expressions import numbers
from headrace.engine.expressions.library import Jsonata
from headrace.engine.expressions.replacements import REPLACED
from headrace.engine.expressions.values import Listed, collapse, is_sequence

# `$eval` would run text that nobody has seen at deploy, with names that nobody has checked.
_LEFT_OUT = frozenset(("eval",))
# The first argument of these is a list; a `Listed` stays one. All others see a single value.
_TAKE_LISTS = frozenset(
    (
        *("sum", "count", "max", "min", "average", "map", "zip", "filter", "single", "reduce", "append", "spread"),
        *("merge", "reverse", "sort", "shuffle", "distinct", "keys", "lookup", "join"),
    )
)
_TAKE_ONLY_LISTS = frozenset(("append", "zip"))
# These call functions that they are given, through C code.
_CALL_BACK = frozenset(("map", "filter", "single", "reduce", "sift", "each", "sort", "replace"))


class NativeFunction(Jsonata.JFunction):  # type: ignore[misc]
    """One built-in function: its signature, what it does, and how it sees lists."""

    def __init__(self, name: str, signature: Any, implementation: Callable[..., Any]) -> None:
        super().__init__(None, None)
        self.function_name = name
        self.signature = signature
        self._implementation = implementation
        parameters = inspect.signature(implementation).parameters.values()
        self._variadic = any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters)
        self._arity = len(parameters)
        self._calls_back = name in _CALL_BACK
        self._first_is_list = name in _TAKE_LISTS
        self._all_are_lists = name in _TAKE_ONLY_LISTS

    def validate(self, args: list[Any], context: Any) -> list[Any]:
        """Return the arguments as the signature wants them.

        Raises:
            JsonataException: T0410 to T0412, they do not fit.
        """
        seen = [
            value if self._all_are_lists or (self._first_is_list and at == 0) else collapse(value)
            for at, value in enumerate(args)
        ]
        result: list[Any] = self.signature.validate(seen, context)
        return result

    def call(self, focus: Any, args: list[Any]) -> Any:
        """Return the result; what JSONata would collapse comes back `Listed`."""
        padding = 0 if self._variadic else self._arity - len(args)
        if self._calls_back:
            with Jsonata.CURRENT.jsonata.callback():
                result = self._implementation(*args, *[None] * padding)
        else:
            result = self._implementation(*args, *[None] * padding)
        if is_sequence(result):
            return Listed(result)
        return numbers.checked(result) if numbers.is_number(result) else result

    def get_number_of_args(self) -> int:
        """Return how many arguments there are at most (the library asks when it applies a function partially)."""
        return self._arity


def _build() -> dict[str, Any]:
    result = {}
    for name, function in Jsonata.static_frame.bindings.items():
        if name not in _LEFT_OUT:
            result[name] = NativeFunction(name, function.signature, REPLACED.get(name, function.method))
    return result


# name (without $) -> function. Shared by all evaluations, and so never changed by one.
FUNCTIONS: dict[str, Any] = _build()
assert set(REPLACED) <= set(FUNCTIONS)
