"""Arithmetic, comparison, concatenation and ranges: exact integers, single values out of lists, and limits."""

from __future__ import annotations

from typing import Any

from headrace.engine.budget import BudgetExceeded
from headrace.engine.expressions import numbers
from headrace.engine.expressions.library import Jsonata, JsonataException, is_deep_equal
from headrace.engine.expressions.limits import Limits
from headrace.engine.expressions.text import text_of
from headrace.engine.expressions.values import Listed, collapse, is_list, too_many


class Operators(Jsonata):  # type: ignore[misc]
    """The operators of an evaluator. Undefined is None here."""

    limits: Limits

    def evaluate_numeric_expression(self, lhs: Any, rhs: Any, op: str) -> Any:
        """Return `lhs op rhs`; undefined when one of them is."""
        left, right = collapse(lhs), collapse(rhs)
        for code, value in (("T2001", left), ("T2002", right)):
            if value is not None and not numbers.is_number(value):
                raise JsonataException(code, -1, op)
        return None if left is None or right is None else numbers.calculate(op, left, right)

    def evaluate_equality_expression(self, lhs: Any, rhs: Any, op: str) -> bool:
        """Return whether two values are equal; a list of one equals its element, unless compared with a list."""
        left = lhs if is_list(rhs) and type(rhs) is not Listed else collapse(lhs)
        right = rhs if is_list(lhs) and type(lhs) is not Listed else collapse(rhs)
        if left is None or right is None:
            return False
        return bool(is_deep_equal(left, right)) == (op == "=")

    def evaluate_comparison_expression(self, lhs: Any, rhs: Any, op: str) -> Any:
        """Return whether two numbers or two strings stand in that order."""
        left, right = collapse(lhs), collapse(rhs)
        if numbers.is_number(left) and numbers.is_number(right):
            if op in ("<", "<="):
                return left < right or (op == "<=" and left == right)
            return left > right or (op == ">=" and left == right)
        return super().evaluate_comparison_expression(left, right, op)

    def evaluate_includes_expression(self, lhs: Any, rhs: Any) -> bool:
        """Return whether a list holds a value."""
        left = collapse(lhs)
        if left is None or rhs is None:
            return False
        return any(is_deep_equal(left, item) for item in (rhs if isinstance(rhs, list) else [rhs]))

    def evaluate_string_concat(self, lhs: Any, rhs: Any) -> str:
        """Return both values as one text; undefined is nothing."""
        parts = ["" if value is None else text_of(value, self.limits) for value in (collapse(lhs), collapse(rhs))]
        return "".join(parts)

    def evaluate_range_expression(self, lhs: Any, rhs: Any) -> Any:
        """Return the integers from `lhs` to `rhs`."""
        first, last = collapse(lhs), collapse(rhs)
        for code, value in (("T2003", first), ("T2004", last)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
                raise JsonataException(code, -1)
        if first is None or last is None or first > last:
            return None
        if last - first >= self.limits.items:
            raise BudgetExceeded(too_many(last - first + 1, self.limits))
        return list(range(first, last + 1))
