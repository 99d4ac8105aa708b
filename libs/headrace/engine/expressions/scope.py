"""The variables that an expression sees, with their copies for evaluation kept for the next one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from headrace.engine.expressions.values import Json, thaw


class Scope:
    """Variables by name without `$`. Nothing in here changes once it is made; what a run adds goes into a new scope.

    A fan-out evaluates one expression for each of its items: `with_values` keeps the copies of what they share.
    """

    __slots__ = ("_own", "_thawed", "_under", "values")

    def __init__(self, values: Mapping[str, Json], under: Scope | None = None) -> None:
        self._own = values
        self._under = under
        self._thawed: dict[str | tuple[str, str], Any] = {}
        self.values: Mapping[str, Json] = values if under is None else {**under.values, **values}

    def with_values(self, **values: Json) -> Scope:
        """Return a scope with more variables, over this one."""
        return Scope(values, self)

    def thawed(self, name: str) -> Any:
        """Return the evaluator's copy of a variable; None when there is no such variable."""
        if name not in self._own:
            return None if self._under is None else self._under.thawed(name)
        if name not in self._thawed:
            self._thawed[name] = thaw(self._own[name])
        return self._thawed[name]

    def thawed_fields(self, name: str, fields: Iterable[str]) -> dict[str, Any]:
        """Return the evaluator's copy of an object, with only some of its fields: those that an expression names."""
        if name not in self._own:
            return {} if self._under is None else self._under.thawed_fields(name, fields)
        whole = self._own[name]
        result = {}
        for field in sorted(fields):
            if isinstance(whole, Mapping) and field in whole:
                key = (name, field)
                if key not in self._thawed:
                    self._thawed[key] = thaw(whole[field])
                result[field] = self._thawed[key]
        return result
