"""What can go wrong with an expression: it cannot be compiled, or it has no result."""

from __future__ import annotations


class InvalidExpression(ValueError):
    """An expression that cannot be compiled.

    Attributes:
        source: the text between `{%` and `%}`.
        column: where in `source`, from 1; 0 when the place is unknown.
    """

    def __init__(self, message: str, *, source: str, column: int = 0) -> None:
        where = f" (column {column} of the expression)" if column else ""
        super().__init__(f"{message}{where} in {{% {shorten(source.strip())} %}}")
        self.source = source
        self.column = column


class ExpressionError(Exception):
    """An expression without a result: undefined, of the wrong type, or too large. Its task fails.

    Attributes:
        message: "Expected X, but Y".
        expression: the expression's text; empty where the fault is in what a field is given, and `place` names it.
    """

    def __init__(self, message: str, expression: str = "", *, place: str = "") -> None:
        where = f"at {place}" if place else f"in {{% {shorten(expression.strip())} %}}"
        super().__init__(f"{message} {where}")
        self.message = message
        self.expression = expression


def shorten(text: str, limit: int = 200) -> str:
    """Return `text` on one line and at most `limit` characters long."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 3] + "..."
