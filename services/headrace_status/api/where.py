"""`?where=`: a small filter language, compiled to SQL that can only compare the fields of one view.

    name = 'census' and status in ('FAILED', 'STUCK') and not (attempt > 1 or error is null)
    input.customer.id = 42 and started_at >= '2026-01-01T00:00:00Z' and id like 'order-%'

Literals are strings in single or double quotes (doubled to stand for themselves), numbers, true and false. Comparisons
are = != < <= > >=, [not] like, [not] in (...), is [not] null; they combine with and, or, not and brackets. A field of
kind json, or object (whose members are indexed), is compared at a path of dots. Nothing of the expression becomes SQL
text but what stands in the tables below: values travel as parameters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple

FieldKind = Literal["text", "number", "time", "bool", "json", "object"]
Value = str | Decimal | bool

# An expression is written by a person; a longer one is a mistake, and a deeper one would exhaust the parser's stack.
LONGEST = 4_000
DEEPEST = 40
_TOKEN = re.compile(
    r"""\s*(?:(?P<string>'(?:[^']|'')*'|"(?:[^"]|"")*")|(?P<number>-?\d+(?:\.\d+)?)"""
    r"""|(?P<word>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_$-]+)*)|(?P<sign><=|>=|!=|<>|==|[=<>(),]))"""
)
_COMPARISONS = {
    "=": "=",
    "==": "=",
    "!=": "IS DISTINCT FROM",
    "<>": "IS DISTINCT FROM",
    "<": "<",
    "<=": "<=",
    ">": ">",
    ">=": ">=",
}
_WITH_PATHS: tuple[FieldKind, ...] = ("json", "object")
_WORDS = {"and", "or", "not", "in", "like", "is", "null", "true", "false"}


class BadExpression(ValueError):
    """An expression that is not one; the text says where and what was expected."""


class Compiled(NamedTuple):
    """SQL with `%s` for each of its parameters."""

    sql: str
    values: list[Any]


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


def compile_where(text: str, fields: Mapping[str, FieldKind]) -> Compiled:
    """Return a filter as SQL over the named fields.

    Raises:
        BadExpression: the text is no expression, or names a field that is not there.
    """
    if len(text) > LONGEST:
        raise BadExpression(f"Expected an expression of at most {LONGEST} characters, but it has {len(text)}")
    parser = _Parser(_tokens(text), fields)
    sql = parser.either(0)
    parser.end()
    return Compiled(sql, parser.values)


def _tokens(text: str) -> list[_Token]:
    found, at = [], 0
    stripped = text.rstrip()
    while at < len(stripped):
        match = _TOKEN.match(stripped, at)
        if match is None:
            at += len(stripped[at:]) - len(stripped[at:].lstrip())
            raise BadExpression(
                f"Expected a field, a literal or a comparison at character {at + 1}, but found "
                f"{stripped[at : at + 20]!r}"
            )
        kind = match.lastgroup or ""
        piece = match.group(kind)
        if kind == "word" and piece.lower() in _WORDS:
            kind, piece = "keyword", piece.lower()
        found.append(_Token(kind, piece, match.start(match.lastgroup or 0)))
        at = match.end()
    return found


class _Parser:
    """Recursive descent; each method takes one construct and returns its SQL."""

    def __init__(self, tokens: Sequence[_Token], fields: Mapping[str, FieldKind]) -> None:
        self._tokens, self._at, self._fields = tokens, 0, fields
        self.values: list[Any] = []

    def end(self) -> None:
        if self._at < len(self._tokens):
            raise self._unexpected("'and', 'or' or the end")

    def either(self, depth: int) -> str:
        if depth > DEEPEST:
            raise BadExpression(f"Expected at most {DEEPEST} levels of brackets, but there are more")
        parts = [self._both(depth)]
        while self._take("or"):
            parts.append(self._both(depth))
        return parts[0] if len(parts) == 1 else f"({' OR '.join(parts)})"

    def _both(self, depth: int) -> str:
        parts = [self._one(depth)]
        while self._take("and"):
            parts.append(self._one(depth))
        return parts[0] if len(parts) == 1 else f"({' AND '.join(parts)})"

    def _one(self, depth: int) -> str:
        if depth > DEEPEST:
            raise BadExpression(f"Expected at most {DEEPEST} negations, but there are more")
        if self._take("not"):
            return f"((NOT {self._one(depth + 1)}) IS TRUE)"
        if self._take("("):
            inside = self.either(depth + 1)
            self._expect(")")
            return inside
        return self._comparison()

    def _comparison(self) -> str:
        name, path, kind = self._field()
        if self._take("is"):
            negated = self._take("not")
            self._expect("null")
            return f"({self._operand(name, path, 'text', kind)} IS {'NOT ' if negated else ''}NULL)"
        negated = self._take("not")
        if self._take("in"):
            return self._member(name, path, kind, negated=negated)
        if self._take("like"):
            if kind not in ("text", *_WITH_PATHS):
                raise BadExpression(f"Expected a text field before 'like', but {name} is a {kind}")
            operand = self._operand(name, path, "text", kind)
            self.values.append(self._literal("text"))
            return f"({operand} {'NOT ' if negated else ''}LIKE %s)"
        sign = self._tokens[self._at] if self._at < len(self._tokens) else None
        if negated or sign is None or sign.text not in _COMPARISONS:
            raise self._unexpected("a comparison such as =, !=, <, in, like or 'is null'")
        self._at += 1
        return self._compare(name, path, kind, _COMPARISONS[sign.text])

    def _compare(self, name: str, path: list[str], kind: FieldKind, comparison: str) -> str:
        value_kind = self._next_kind(kind)
        if kind == "object" and path and comparison == "=":
            return self._contains(name, path, self._literal(value_kind))
        operand = self._operand(name, path, value_kind, kind)
        self.values.append(self._literal(value_kind))
        return f"({operand} {comparison} %s)"

    def _contains(self, name: str, path: list[str], value: Any) -> str:
        """Return the SQL of an equality that the index of an object answers."""
        text = str(value) if isinstance(value, Decimal) else json.dumps(value)
        for member in reversed(path):
            text = f"{{{json.dumps(member)}: {text}}}"
        self.values.append(text)
        return f'("{name}" @> %s::jsonb)'

    def _member(self, name: str, path: list[str], kind: FieldKind, *, negated: bool) -> str:
        self._expect("(")
        value_kind = self._next_kind(kind)
        operand = self._operand(name, path, value_kind, kind)
        members = [self._literal(value_kind)]
        while self._take(","):
            members.append(self._literal(value_kind))
        self._expect(")")
        self.values.append(members)
        return f"({operand} <> ALL(%s))" if negated else f"({operand} = ANY(%s))"

    def _field(self) -> tuple[str, list[str], FieldKind]:
        if self._at >= len(self._tokens) or self._tokens[self._at].kind != "word":
            raise self._unexpected("a field")
        name, *path = self._tokens[self._at].text.split(".")
        kind = self._fields.get(name)
        if kind is None:
            raise BadExpression(f"Expected one of the fields {', '.join(sorted(self._fields))}, but found {name!r}")
        if path and kind not in _WITH_PATHS:
            raise BadExpression(
                f"Expected {name} to be compared as it is, since it is a {kind}, but found a path: {'.'.join(path)}"
            )
        self._at += 1
        return name, path, kind

    def _operand(self, name: str, path: list[str], value_kind: FieldKind, kind: FieldKind) -> str:
        """Return the SQL of a field; what a JSON field holds at its path counts only if it is of the literal's kind."""
        if kind not in _WITH_PATHS:
            return f'"{name}"'
        type_of = "json_typeof" if kind == "json" else "jsonb_typeof"
        self.values.append(path)
        if value_kind == "number":
            self.values.append(path)
            return (
                f'(CASE WHEN {type_of}("{name}" #> %s::text[]) = \'number\' THEN ("{name}" #>> '
                f"%s::text[])::numeric END)"
            )
        if value_kind == "bool":
            self.values.append(path)
            return (
                f'(CASE WHEN {type_of}("{name}" #> %s::text[]) = \'boolean\' THEN ("{name}" #>> '
                f"%s::text[])::boolean END)"
            )
        return f'("{name}" #>> %s::text[])'

    def _next_kind(self, kind: FieldKind) -> FieldKind:
        """Return the kind that the literal must have; a JSON field takes the literal's own."""
        if kind not in _WITH_PATHS or self._at >= len(self._tokens):
            return "text" if kind in _WITH_PATHS else kind
        token = self._tokens[self._at]
        if token.kind == "number":
            return "number"
        return "bool" if token.text in ("true", "false") else "text"

    def _literal(self, kind: FieldKind) -> Any:
        if self._at >= len(self._tokens):
            raise self._unexpected(f"a {_NAMES[kind]}")
        token = self._tokens[self._at]
        value = _value(token)
        if value is None or not _fits(value, kind):
            raise self._unexpected(f"a {_NAMES[kind]}")
        self._at += 1
        return parse_time(str(value)) if kind == "time" else value

    def _take(self, text: str) -> bool:
        if (
            self._at < len(self._tokens)
            and self._tokens[self._at].text == text
            and self._tokens[self._at].kind != "string"
        ):
            self._at += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._take(text):
            raise self._unexpected(f"{text!r}")

    def _unexpected(self, expected: str) -> BadExpression:
        if self._at >= len(self._tokens):
            return BadExpression(f"Expected {expected}, but the expression ends")
        token = self._tokens[self._at]
        return BadExpression(f"Expected {expected} at character {token.at + 1}, but found {token.text}")


_NAMES: dict[FieldKind, str] = {
    "text": "string in quotes",
    "json": "string in quotes",
    "object": "string in quotes",
    "number": "number",
    "bool": "true or false",
    "time": "time in quotes, such as '2026-01-31T12:00:00Z'",
}


def parse_time(text: str) -> datetime:
    """Return an ISO 8601 time; one without an offset is UTC.

    Raises:
        BadExpression: it is none.
    """
    try:
        # In a query string an unescaped plus of an offset arrives as a space.
        found = datetime.fromisoformat(re.sub(r"(?<=\d) (?=\d\d:\d\d$)", "+", text) if "T" in text else text)
    except ValueError:
        raise BadExpression(f"Expected an ISO 8601 time such as 2026-01-31T12:00:00Z, but found {text!r}") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _value(token: _Token) -> Value | None:
    if token.kind == "string":
        quote = token.text[0]
        return token.text[1:-1].replace(quote * 2, quote).replace("\0", "")
    if token.kind == "number":
        return Decimal(token.text)
    return token.text == "true" if token.kind == "keyword" and token.text in ("true", "false") else None


def _fits(value: Value, kind: FieldKind) -> bool:
    if kind == "number":
        return isinstance(value, Decimal)
    return isinstance(value, bool) if kind == "bool" else isinstance(value, str)
