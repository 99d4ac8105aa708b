"""`$string` and `&`: a value as text, with a limit while it grows."""

from __future__ import annotations

import json
from typing import Any

from headrace.engine.budget import BudgetExceeded
from headrace.engine.expressions.library import NULL
from headrace.engine.expressions.limits import Limits
from headrace.engine.expressions.numbers import is_number, number_text
from headrace.engine.expressions.values import too_long

_INDENT = "  "


def text_of(value: Any, limits: Limits, *, pretty: bool = False) -> str:
    """Return `value` as a string: a string as it is, anything else as JSON; functions are empty strings."""
    if isinstance(value, str):
        return value
    parts: list[str] = []
    _Printer(parts, limits.characters, pretty=pretty).print(value, "\n")
    return "".join(parts)


class _Printer:
    __slots__ = ("_left", "_limit", "_parts", "_pretty")

    def __init__(self, parts: list[str], limit: int, *, pretty: bool) -> None:
        self._parts = parts
        self._limit = limit
        self._left = limit
        self._pretty = pretty

    def print(self, value: Any, line: str) -> None:
        if value is NULL or value is None:
            self._put("null")
        elif isinstance(value, bool):
            self._put("true" if value else "false")
        elif isinstance(value, str):
            self._put(json.dumps(value, ensure_ascii=False))
        elif is_number(value):
            self._put(number_text(value))
        elif isinstance(value, list | tuple):
            self._items("[", [("", item) for item in value], "]", line)
        elif isinstance(value, dict):
            between = ": " if self._pretty else ":"
            pairs = [(json.dumps(name, ensure_ascii=False) + between, item) for name, item in value.items()]
            self._items("{", pairs, "}", line)
        else:
            self._put('""')

    def _items(self, opening: str, items: list[tuple[str, Any]], closing: str, line: str) -> None:
        self._put(opening)
        inner = line + _INDENT
        for number, (prefix, item) in enumerate(items):
            self._put(("," if number else "") + (inner if self._pretty else "") + prefix)
            self.print(item, inner)
        self._put((line if self._pretty and items else "") + closing)

    def _put(self, text: str) -> None:
        self._left -= len(text)
        if self._left < 0:
            raise BudgetExceeded(too_long(self._limit - self._left, _limits(self._limit)))
        self._parts.append(text)


def _limits(characters: int) -> Limits:
    return Limits(characters=characters)
