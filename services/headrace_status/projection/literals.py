r"""Columns of values as text that Postgres reads: array literals for upserts, lines for COPY.

Written by hand, a column at a time: psycopg's dumpers look at every value, and so would a function per value; here the
interpreter's own loops do the work. The values of a text column are joined by a control character and escaped in one
go; then that character becomes what stands between two values. A column with such a character in a value is written
value by value. Strings that a text column refuses (with a NUL) are changed, times are kept within bounds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from headrace_status.fold.payload import plain
from headrace_status.model.columns import Kind

# 9999-12-31: later times are a broken clock's, and a view that cannot show them would show nothing at all.
LATEST_TIME_MS = 253_402_300_799_000
# Between two values, and in the place of one that is null.
_NEXT, _NULL = "\x1f", "\x1e"


def array(kind: Kind, values: Sequence[Any]) -> str:
    """Return a column as an array literal."""
    if not values:
        return "{}"
    if kind in ("text", "json", "object"):
        return _text_array(values)
    if kind == "bool":
        return "{" + ",".join(map(_bool, values)) + "}"
    numbers = str(list(_within(values) if kind == "time" else values))[1:-1]
    return "{" + numbers.replace("None", "NULL") + "}"


def copy_text(kinds: Sequence[Kind], rows: Iterable[Sequence[Any]]) -> str:
    """Return rows in the text format of COPY."""
    columns = [_COPIED[kind](values) for kind, values in zip(kinds, zip(*rows, strict=True), strict=False)]
    lines = list(map("\t".join, zip(*columns, strict=True)))
    return "\n".join(lines) + "\n" if lines else ""


def _text_array(values: Sequence[str | None]) -> str:
    joined, nulls = _joined(values)
    if joined is None:
        return "{" + ",".join(["NULL" if value is None else _quoted(value) for value in values]) + "}"
    literal = '{"' + _escaped(joined).replace(_NEXT, '","') + '"}'
    return literal.replace(f'"{_NULL}"', "NULL") if nulls else literal


def _joined(values: Sequence[str | None]) -> tuple[str | None, int]:
    """Return the values in one string, and how many are null; no string where a value holds one of our characters."""
    nulls = values.count(None)
    some: Sequence[str] = [_NULL if value is None else value for value in values] if nulls else values  # type: ignore[assignment]
    joined = _NEXT.join(some)
    if joined.count(_NEXT) != len(some) - 1 or joined.count(_NULL) != nulls:
        return None, nulls
    return plain(joined), nulls


def _quoted(value: str) -> str:
    return f'"{_escaped(plain(value))}"'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _bool(value: object) -> str:
    return "NULL" if value is None else "t" if value else "f"


def _within(values: Sequence[int | None]) -> Sequence[int | None]:
    known = [value for value in values if value is not None] if None in values else values
    if not known or (min(known) >= 0 and max(known) <= LATEST_TIME_MS):  # type: ignore[type-var, operator]
        return values
    return [None if value is None else min(max(value, 0), LATEST_TIME_MS) for value in values]


def _copied_texts(values: Sequence[str | None]) -> Iterable[str]:
    joined, nulls = _joined(values)
    if joined is None:
        return ["\\N" if value is None else _copied(plain(value)) for value in values]
    texts = _copied(joined).split(_NEXT)
    return ["\\N" if text == _NULL else text for text in texts] if nulls else texts


def _copied(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")


def _copied_numbers(values: Sequence[int | None]) -> Iterable[str]:
    return ["\\N" if value is None else str(value) for value in values] if None in values else map(str, values)


def _copied_times(values: Sequence[int | None]) -> Iterable[str]:
    return _copied_numbers(_within(values))


def _copied_bools(values: Sequence[object]) -> Iterable[str]:
    return ["\\N" if value is None else "t" if value else "f" for value in values]


_COPIED: dict[Kind, Callable[[Sequence[Any]], Iterable[str]]] = {
    "text": _copied_texts,
    "json": _copied_texts,
    "object": _copied_texts,
    "int": _copied_numbers,
    "bigint": _copied_numbers,
    "time": _copied_times,
    "bool": _copied_bools,
}
