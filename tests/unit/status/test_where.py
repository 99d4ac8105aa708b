"""The filter language: what it compiles to, and what it refuses."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace_status.api.where import BadExpression, compile_where

FIELDS: Any = {"name": "text", "attempt": "number", "started_at": "time", "latest": "bool", "input": "json"}
D = Decimal
KNOWN = re.compile(
    r"""(?:[()\s]|"(?:name|attempt|started_at|latest|input)"|%s|AND|OR|NOT|IS|TRUE|NULL|DISTINCT FROM|LIKE|ANY"""
    r"""|ALL|[<>=]|\#>|::text\[\]|::numeric|::boolean|CASE WHEN|json_typeof|'number'|'boolean'|THEN|END)*"""
)


@pytest.mark.parametrize(
    ("text", "sql", "values"),
    [
        ("name = 'x'", '("name" = %s)', ["x"]),
        ('name == "it\'s"', '("name" = %s)', ["it's"]),
        ("name = 'it''s'", '("name" = %s)', ["it's"]),
        ("name != 'x'", '("name" IS DISTINCT FROM %s)', ["x"]),
        ("attempt >= 2", '("attempt" >= %s)', [D(2)]),
        ("attempt = -1.5", '("attempt" = %s)', [D("-1.5")]),
        ("latest = true", '("latest" = %s)', [True]),
        ("name in ('a', 'b')", '("name" = ANY(%s))', [["a", "b"]]),
        ("name not in ('a')", '("name" <> ALL(%s))', [["a"]]),
        ("name like 'a%'", '("name" LIKE %s)', ["a%"]),
        ("name NOT LIKE 'a%'", '("name" NOT LIKE %s)', ["a%"]),
        ("name is null", '("name" IS NULL)', []),
        ("name is not null", '("name" IS NOT NULL)', []),
        (
            "name = 'a' and attempt = 1 or name = 'b'",
            '((("name" = %s) AND ("attempt" = %s)) OR ("name" = %s))',
            ["a", D(1), "b"],
        ),
        (
            "name = 'a' and (attempt = 1 or name = 'b')",
            '(("name" = %s) AND (("attempt" = %s) OR ("name" = %s)))',
            ["a", D(1), "b"],
        ),
        ("not name = 'a'", '((NOT ("name" = %s)) IS TRUE)', ["a"]),
        ("input.a.b = 'x'", '(("input" #>> %s::text[]) = %s)', [["a", "b"], "x"]),
        ("name = 'and'", '("name" = %s)', ["and"]),
    ],
)
def test_compiles(text: str, sql: str, values: list[Any]) -> None:
    assert compile_where(text, FIELDS) == (sql, values)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the expression ends"),
        ("name", "Expected a comparison"),
        ("name =", "string in quotes"),
        ("name = x", "string in quotes"),
        ("name = 1", "string in quotes"),
        ("attempt = 'x'", "a number"),
        ("colour = 'x'", "one of the fields attempt, input, latest, name, started_at"),
        ("name.first = 'x'", "compared as it is"),
        ("started_at > 'soon'", "ISO 8601"),
        ("name = 'x' name = 'y'", "'and', 'or' or the end"),
        ("name in ()", "string in quotes"),
        ("name = 'x", "character 8"),
        ("(name = 'x'", "')'"),
        ("attempt like 'x'", "a text field"),
        ("name = 'x'; drop table tasks", "character 11"),
        ("(" * 60 + "name = 'x'" + ")" * 60, "40 levels"),
        ("x" * 5000, "4000 characters"),
    ],
)
def test_refuses_and_says_what_was_expected(text: str, says: str) -> None:
    with pytest.raises(BadExpression) as refusal:
        compile_where(text, FIELDS)
    assert says in str(refusal.value)
    assert str(refusal.value).startswith("Expected")


@given(st.text(alphabet=" ()='\"<>!,.;-%nameattemptinputlikeorandnottrue0123456789\\x", max_size=60))
def test_whatever_is_typed_never_becomes_sql(text: str) -> None:
    try:
        compiled = compile_where(text, FIELDS)
    except BadExpression:
        return
    assert compiled.sql.count("%s") == len(compiled.values)
    assert KNOWN.fullmatch(compiled.sql)
