"""What we do instead of the library's functions where those would read a clock, roll dice, lose digits, build what
does not fit into memory, or fail on equal values of different types.

A function here has the name and the arguments of the JSONata function; `functions.py` puts it in that one's place.
"""
# ruff: noqa: N802, N803, A001, D103 - the names are JSONata's, and so are their descriptions.

from __future__ import annotations

import builtins
import decimal
from typing import Any

from headrace.engine.budget import BudgetExceeded
from headrace.engine.expressions import numbers, times
from headrace.engine.expressions.context import current
from headrace.engine.expressions.library import NULL, Functions, JsonataException
from headrace.engine.expressions.text import text_of
from headrace.engine.expressions.values import Listed, too_long, too_many

_LONGEST_PICTURE = 1_000  # what somebody wrote by hand; a longer one makes a number of as many digits


def now(picture: str | None, timezone: str | None) -> str:
    return times.format_time(current().now_ms, picture, timezone)


def millis() -> int:
    return current().now_ms


def toMillis(text: str | None, picture: str | None) -> int | None:
    return None if text is None else times.parse_time(text, picture, current().now_ms)


def fromMillis(at_ms: Any, picture: str | None, timezone: str | None) -> str | None:
    return None if at_ms is None else times.format_time(at_ms, picture, timezone)


def random() -> float:
    return current().random.fraction()


def shuffle(items: list[Any] | None) -> list[Any] | None:
    return None if items is None else current().random.shuffled(items)


def sum(items: list[Any] | None) -> Any:
    return None if items is None else numbers.total(items)


def average(items: list[Any] | None) -> Any:
    return numbers.calculate("/", numbers.total(items), len(items)) if items else None


def floor(value: Any) -> Any:
    return value if value is None or isinstance(value, int) else int(value // 1)


def ceil(value: Any) -> Any:
    return value if value is None or isinstance(value, int) else -int(-value // 1)


def abs(value: Any) -> Any:
    return value if value is None or value >= 0 else -value


def round(value: Any, precision: Any) -> Any:
    if value is None or (isinstance(value, int) and (precision is None or precision >= 0)):
        return value
    exponent = decimal.Decimal(1).scaleb(-int(precision or 0))
    # A context of our own: that of the thread belongs to whoever ran there before.
    with decimal.localcontext(decimal.Context(prec=400)):
        return float(decimal.Decimal(str(value)).quantize(exponent, rounding=decimal.ROUND_HALF_EVEN))


def power(base: Any, exponent: Any) -> Any:
    return None if base is None or exponent is None else numbers.power(base, exponent)


def number(value: Any) -> Any:
    if not isinstance(value, str):
        return Functions.number(value)
    try:
        if value.isascii() and value.lstrip("+-").isdigit():
            return int(value)
        return numbers.checked(float(Functions.number(value)))
    except (ValueError, OverflowError):
        raise JsonataException("D3030", -1, value) from None


def formatBase(value: Any, radix: Any) -> Any:
    if isinstance(value, int) and (radix is None or 2 <= radix <= 36):
        return Functions.base_repr(value, int(radix or 10)).lower()
    return Functions.format_base(value, radix)


def formatNumber(value: Any, picture: str | None, options: Any) -> Any:
    _check_characters(len(picture or ""), _LONGEST_PICTURE)
    with decimal.localcontext(decimal.Context()):
        return Functions.format_number(value, picture, options)


def string(value: Any, pretty: Any) -> str | None:
    return None if value is None else text_of(value, current().limits, pretty=bool(pretty))


def lowercase(text: Any) -> Any:
    return text.lower() if isinstance(text, str) else Functions.lowercase(text)


def pad(text: Any, width: Any, char: Any) -> Any:
    if numbers.is_number(width):
        _check_characters(int(width if width >= 0 else -width) + len(char or ""))
    return Functions.pad(text, width, char)


def join(items: Any, separator: Any) -> Any:
    if items is not None:
        between = len(separator or "") * len(items)
        _check_characters(between + builtins.sum(len(item) for item in items))
    return Functions.join(items, separator)


def replace(text: Any, pattern: Any, by: Any, limit: Any) -> Any:
    if isinstance(text, str) and isinstance(by, str):
        most = len(text) + 1 if not isinstance(pattern, str) else len(text) // max(len(pattern), 1)
        if most * len(by) > current().limits.characters:
            found = text.count(pattern) if isinstance(pattern, str) else len([None for _ in pattern.finditer(text)])
            _check_characters(len(text) + found * len(by))
    return Functions.replace(text, pattern, by, limit)


def split(text: Any, pattern: Any, limit: Any) -> Any:
    if isinstance(text, str) and len(text) > current().limits.items:
        raise BudgetExceeded(too_many(len(text), current().limits))
    return Functions.split(text, pattern, limit)


def distinct(items: Any) -> Any:
    if not isinstance(items, list) or len(items) <= 1:
        return items
    seen: dict[Any, Any] = {}
    for item in items:
        seen.setdefault(_identity(item), item)
    return Listed(seen.values()) if type(items) is Listed else list(seen.values())


def clone(value: Any) -> Any:
    if isinstance(value, list):
        return [clone(item) for item in value]
    if isinstance(value, dict):
        return {name: clone(item) for name, item in value.items()}
    return value


def _identity(value: Any) -> Any:
    """Return what equal JSON values have in common, and no others: `1` equals `1.0`, and not `true`."""
    if isinstance(value, list):
        return ("list", *[_identity(item) for item in value])
    if isinstance(value, dict):
        return ("object", frozenset((name, _identity(item)) for name, item in value.items()))
    if isinstance(value, bool):
        return ("boolean", value)
    if isinstance(value, str | int | float) or value is NULL:
        return ("value", value)
    return ("function", id(value))


def _check_characters(count: int, limit: int | None = None) -> None:
    if count > (limit or current().limits.characters):
        raise BudgetExceeded(too_long(count, current().limits))


REPLACED = {
    function.__name__: function
    for function in (
        *(now, millis, toMillis, fromMillis, random, shuffle, sum, average, floor, ceil, abs, round, power, number),
        *(formatBase, formatNumber, string, lowercase, pad, join, replace, split, distinct, clone),
    )
}
