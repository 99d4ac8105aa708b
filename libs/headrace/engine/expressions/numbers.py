"""Arithmetic: integers stay exact, everything else is a double, and nothing is infinite.

JSONata computes with doubles only; an id of 17 digits must survive `$input.id + 1` all the same.
"""

from __future__ import annotations

import math
from typing import Any

from headrace.engine.expressions.library import JsonataException
from headrace.engine.expressions.limits import DEFAULT_LIMITS

Number = int | float
_EXACT_DOUBLE = 1 << 53  # beyond it, a double with no fraction is still not known to the last digit


def is_number(value: Any) -> bool:
    """Whether `value` is a JSON number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def checked(value: Number) -> Number:
    """Return a result in its simplest form: an integer where it is one.

    Raises:
        JsonataException: D1001, it is outside the range of a double.
    """
    if isinstance(value, int):
        if value.bit_length() > DEFAULT_LIMITS.integer_bits:
            raise JsonataException("D1001", -1, "an integer beyond the range of a double")
        return value
    if not math.isfinite(value):
        raise JsonataException("D1001", -1, str(value))
    return int(value) if value.is_integer() and abs(value) < _EXACT_DOUBLE else value


def calculate(operator: str, left: Number, right: Number) -> Number:
    """Return `left operator right`; division by zero is out of range, as in JSONata."""
    if operator in "/%" and right == 0:
        raise JsonataException("D1001", -1, "a division by zero")
    if isinstance(left, int) and isinstance(right, int):
        return checked(_calculate_exactly(operator, left, right))
    a, b = float(left), float(right)
    if operator == "+":
        return checked(a + b)
    if operator == "-":
        return checked(a - b)
    if operator == "*":
        return checked(a * b)
    return checked(a / b if operator == "/" else math.fmod(a, b))


def _calculate_exactly(operator: str, left: int, right: int) -> Number:
    if operator == "+":
        return left + right
    if operator == "-":
        return left - right
    if operator == "*":
        return left * right
    quotient, rest = divmod(abs(left), abs(right))
    if operator == "%":
        return rest if left >= 0 else -rest
    if rest == 0:
        return quotient if (left >= 0) == (right >= 0) else -quotient
    return left / right


def power(base: Number, exponent: Number) -> Number:
    """Return `base` to the power of `exponent`, exactly for integers."""
    if isinstance(base, int) and isinstance(exponent, int) and exponent >= 0:
        if base.bit_length() * exponent > DEFAULT_LIMITS.integer_bits + exponent:
            raise JsonataException("D3061", -1, base, exponent)
        return checked(base**exponent)
    try:
        result = float(base) ** float(exponent)
    except (OverflowError, ZeroDivisionError):
        raise JsonataException("D3061", -1, base, exponent) from None
    if isinstance(result, complex) or not math.isfinite(result):
        raise JsonataException("D3061", -1, base, exponent)
    return checked(result)


def total(numbers: list[Number]) -> Number:
    """Return the sum, added from left to right: Python's own `sum` rounds differently from 3.12 on."""
    result: Number = 0
    for number in numbers:
        result = calculate("+", result, number)
    return result


def number_text(value: Number) -> str:
    """Return a number as JSONata writes it: integers in full, others with 15 significant digits."""
    if isinstance(value, int):
        return str(value)
    rounded = float(f"{value:.15g}")
    return repr(int(rounded)) if rounded.is_integer() and abs(rounded) < 1e21 else repr(rounded)
