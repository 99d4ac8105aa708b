"""Columns as text that Postgres reads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace_status.projection.literals import LATEST_TIME_MS, array, copy_text

TEXTS = st.lists(st.none() | st.text(alphabet='ab"\\,{}\x00\x1e\x1f\n\t\r N'), min_size=1)


def elements(literal: str) -> list[str | None]:
    """Read an array literal as Postgres does: quoted elements with backslash escapes, or NULL."""
    found: list[str | None] = []
    at = 1
    while literal[at] != "}":
        if literal.startswith("NULL", at):
            found.append(None)
            at += 4
        else:
            text, at = "", at + 1
            while literal[at] != '"':
                at += literal[at] == "\\"
                text += literal[at]
                at += 1
            found.append(text)
            at += 1
        at += literal[at] == ","
    return found


def kept(value: str | None) -> str | None:
    return None if value is None else value.replace("\0", "\ufffd")


@given(TEXTS)
def test_a_column_of_texts_reads_back(values: list[str | None]) -> None:
    assert elements(array("text", values)) == [kept(value) for value in values]


@given(TEXTS)
def test_lines_for_copy_read_back(values: list[str | None]) -> None:
    lines = copy_text(("text", "int"), [(value, 7) for value in values]).split("\n")
    assert lines.pop() == ""
    assert len(lines) == len(values)
    names = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\"}
    for line, value in zip(lines, values, strict=True):
        field, number = line.split("\t")
        assert number == "7"
        if field == "\\N":
            assert value is None
            continue
        parts = field.split("\\\\")
        text = "\\".join(_unescaped(part, names) for part in parts)
        assert text == kept(value)


def _unescaped(part: str, names: dict[str, str]) -> str:
    first, *others = part.split("\\")
    return first + "".join(names[other[0]] + other[1:] for other in others)


@pytest.mark.parametrize(
    ("kind", "values", "literal"),
    [
        ("int", [1, None, -3], "{1, NULL, -3}"),
        ("bigint", [2**40], "{1099511627776}"),
        ("time", [-5, None, LATEST_TIME_MS + 1], f"{{0, NULL, {LATEST_TIME_MS}}}"),
        ("bool", [True, None, False], "{t,NULL,f}"),
        ("text", [], "{}"),
    ],
)
def test_other_columns(kind: str, values: list[object], literal: str) -> None:
    assert array(kind, values) == literal  # type: ignore[arg-type]


def test_no_rows_are_no_lines() -> None:
    assert copy_text(("text",), []) == ""
