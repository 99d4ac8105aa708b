"""Values on their way into an evaluation and out of it, and the list rule.

Inside an evaluation `None` is undefined and `NULL` is JSON null. A *sequence* is JSONata's list that collapses: with
one element it is that element, with none it is undefined. A `Listed` is a sequence that came out of a real list (a
path through a list, a filter, `$map`...): it reaches the user as the list that it is, and collapses only where an
operator or a function wants a single value (`collapse`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeAlias

from headrace.engine.budget import BudgetExceeded
from headrace.engine.expressions.library import NULL, JsonataList
from headrace.engine.expressions.limits import Limits

Json: TypeAlias = Any  # dict[str, Json] | list[Json] | str | int | float | bool | None


class NotJson(ValueError):
    """A result that is no JSON value; the text says what was found."""


class TooLarge(ValueError):
    """A result of more bytes than it may have."""


class Listed(JsonataList):  # type: ignore[misc]
    """A list that came out of a list; see the module."""


def is_sequence(value: Any) -> bool:
    """Whether `value` is one of JSONata's sequences, which collapse."""
    return isinstance(value, JsonataList) and bool(value.sequence)


def is_list(value: Any) -> bool:
    """Whether `value` is a list for the user: it does not collapse by itself."""
    return isinstance(value, list) and not is_sequence(value)


def collapse(value: Any) -> Any:
    """Return what an operator sees: a `Listed` of one is its element, of none is undefined."""
    if type(value) is Listed:
        if not value:
            return None
        if len(value) == 1:
            return value[0]
    return value


def thaw(value: Json) -> Any:
    """Return a copy of a JSON value for an evaluation, so that nothing can change the original."""
    if value is None:
        return NULL
    if isinstance(value, list | tuple):
        return [thaw(item) for item in value]
    if isinstance(value, Mapping):
        return {name: thaw(item) for name, item in value.items()}
    return value


def to_json(value: Any, limits: Limits) -> Json:
    """Return the JSON value of a result, copied.

    Raises:
        NotJson: it contains a function, a number that JSON does not know, or text that is not Unicode.
        TooLarge: its JSON would have more than `limits.result_bytes` bytes.
    """
    return _Writer(limits.result_bytes).write(value)


class _Writer:
    """Copies a result and counts the bytes of its JSON on the way, so that shared parts cannot explode."""

    __slots__ = ("_left", "_limit")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._left = limit

    def write(self, value: Any) -> Json:
        if value is NULL or value is None:
            self._take(4)
            return None
        if isinstance(value, bool):
            self._take(4 if value else 5)
            return value
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, int):
            self._take(1 + value.bit_length() * 3 // 10)
            return value
        if isinstance(value, float):
            if not math.isfinite(value):
                raise NotJson(f"Expected a number that JSON knows, but the result is {value}")
            self._take(len(repr(value)))
            return value
        return self._container(value)

    def _container(self, value: Any) -> Json:
        if isinstance(value, list | tuple):
            self._take(2 + len(value))
            return [self.write(item) for item in value]
        if isinstance(value, Mapping):
            self._take(2 + 2 * len(value))
            return {self._text(name): self.write(item) for name, item in value.items()}
        raise NotJson("Expected a JSON value, but the result holds a function or a regular expression")

    def _text(self, text: Any) -> str:
        if not isinstance(text, str):
            raise NotJson(f"Expected a string as an object's key, but found {type(text).__name__}")
        whole = whole_text(text)
        self._take(2 + (len(whole) if whole.isascii() else len(whole.encode("utf-8"))))
        return whole

    def _take(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise TooLarge(f"Expected a result of at most {self._limit} bytes, but it is larger")


def whole_text(text: str) -> str:
    r"""Return `text` with surrogate pairs joined (`\ud83d\ude00` in a literal is one character).

    Raises:
        NotJson: half of a pair is left, which no encoding can write.
    """
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        try:
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            raise NotJson("Expected Unicode text, but the result holds half of a surrogate pair") from None
    return text


def check_size(value: Any, limits: Limits) -> None:
    """Raise BudgetExceeded when a text or a list inside an evaluation is larger than it may be."""
    kind = type(value)
    if kind is str:
        if len(value) > limits.characters:
            raise BudgetExceeded(too_long(len(value), limits))
    elif isinstance(value, list) and len(value) > limits.items:
        raise BudgetExceeded(too_many(len(value), limits))


def too_long(count: int, limits: Limits) -> str:
    """Return the message for a text that is too long."""
    return f"Expected texts of at most {limits.characters} characters in an expression, but one has {count}"


def too_many(count: int, limits: Limits) -> str:
    """Return the message for a list that is too long."""
    return f"Expected lists of at most {limits.items} items in an expression, but one has {count}"
