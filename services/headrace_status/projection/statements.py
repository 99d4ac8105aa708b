"""The SQL of the hot path, made once per table: whole columns travel as arrays, and `unnest` turns them into rows.

Arrays are written by hand as Postgres array literals: psycopg's general dumper looks at every element's type, which
costs more than the whole rest of a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

from headrace_status.fold.changes import FINAL, FINAL_STATUSES
from headrace_status.fold.payload import plain
from headrace_status.model.columns import Column, Kind, TableSpec

_ARRAY_TYPES: dict[Kind, str] = {
    "text": "text[]",
    "int": "int[]",
    "bigint": "bigint[]",
    "time": "bigint[]",
    "json": "json[]",
    "bool": "bool[]",
}
# 9999-12-31: later times are a broken clock's, and a view that cannot show them would show nothing at all.
LATEST_TIME_MS = 253_402_300_799_000


@cache
def upsert(schema: str, table: TableSpec, used: tuple[str, ...]) -> str:
    """Return the statement that makes or changes rows: a null in a new value leaves the old one.

    `used` are the columns beside the key that any row of the batch has: most events tell of few of them.
    """
    columns = (*table.key, *(column for column in table.columns if column.name in used))
    names = ", ".join(f'"{column.name}"' for column in columns)
    keys = ", ".join(f'"{column.name}"' for column in table.key)
    sets = ", ".join(f'"{name}" = COALESCE(excluded."{name}", t."{name}")' for name in used)
    guard = f' WHERE t."{table.guard}" = excluded."{table.guard}"' if table.guard else ""
    return (
        f'INSERT INTO "{schema}"."{table.name}" AS t ({names}) SELECT * FROM unnest({_arrays(columns)})'
        f" ON CONFLICT ({keys}) DO UPDATE SET {sets}{guard}"
    )


@cache
def delete(schema: str, table: TableSpec) -> str:
    """Return the statement that removes rows by key."""
    names = ", ".join(f'"{column.name}"' for column in table.key)
    same = " AND ".join(f't."{column.name}" = d."{column.name}"' for column in table.key)
    return f'DELETE FROM "{schema}"."{table.name}" t USING unnest({_arrays(table.key)}) AS d ({names}) WHERE {same}'


@cache
def close_tasks(schema: str) -> str:
    """Return the statement that cancels what is open of runs (step -1) and of single steps."""
    return (
        f'UPDATE "{schema}"."tasks" t SET decided = {FINAL_STATUSES["CANCELLED"]}, reason = c.reason, ended_at = c.at'
        " FROM unnest(%s::text[], %s::text[], %s::int[], %s::text[], %s::bigint[]) AS c (workflow_id, run_id, step, "
        "reason, at)"
        " WHERE t.workflow_id = c.workflow_id AND t.run_id = c.run_id AND (c.step = -1 OR t.step = c.step)"
        f" AND (t.decided IS NULL OR t.decided < {FINAL})"
    )


@cache
def copy(schema: str, table: TableSpec) -> str:
    """Return the statement that takes rows of a table that only grows, as `copy_text` writes them."""
    names = ", ".join(f'"{name}"' for name in table.names)
    return f'COPY "{schema}"."{table.name}" ({names}) FROM STDIN'


def move_positions(schema: str) -> str:
    """Return the statement that moves positions on, each only from the old one: the condition that makes the projection
    exactly-once.
    """
    return (
        f'UPDATE "{schema}"."positions" p SET "offset" = m.new_offset, epoch = m.epoch, n = m.n, at = m.at, '
        f"projected_at = m.now"
        " FROM unnest(%s::text[], %s::int[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], "
        "%s::bigint[])"
        " AS m (topic, partition, old_offset, new_offset, epoch, n, at, now)"
        ' WHERE p.topic = m.topic AND p.partition = m.partition AND p."offset" = m.old_offset'
    )


def array(kind: Kind, values: Iterable[Any]) -> str:
    """Return a column as an array literal. Strings that a text column refuses are replaced, times are kept within
    bounds.
    """
    if kind in ("int", "bigint"):
        return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"
    return "{" + ",".join(map(_WRITERS[kind], values)) + "}"


def copy_text(kinds: Sequence[Kind], rows: Iterable[Sequence[Any]]) -> str:
    """Return rows in the text format of COPY."""
    writers = [_COPY_WRITERS[kind] for kind in kinds]
    lines = ["\t".join([write(value) for write, value in zip(writers, row, strict=True)]) for row in rows]
    return "\n".join(lines) + "\n" if lines else ""


def _arrays(columns: Sequence[Column]) -> str:
    return ", ".join(f"%s::{_ARRAY_TYPES[column.kind]}" for column in columns)


def _text(value: str | None) -> str:
    if not value:
        return "NULL" if value is None else '""'
    if "\\" in value or '"' in value:
        value = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{plain(value)}"'


def _time(value: int | None) -> str:
    return "NULL" if value is None else str(_within(value))


def _bool(value: object) -> str:
    return "NULL" if value is None else "t" if value else "f"


def _within(value: int) -> int:
    return value if 0 <= value <= LATEST_TIME_MS else 0 if value < 0 else LATEST_TIME_MS


def _copied_text(value: str | None) -> str:
    if value is None:
        return "\\N"
    if "\\" in value or "\n" in value or "\t" in value or "\r" in value:
        value = value.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
    return plain(value)


def _copied_number(value: int | None) -> str:
    return "\\N" if value is None else str(value)


def _copied_time(value: int | None) -> str:
    return "\\N" if value is None else str(_within(value))


_WRITERS: dict[Kind, Callable[[Any], str]] = {
    "text": _text,
    "json": _text,
    "time": _time,
    "bool": _bool,
}
_COPY_WRITERS: dict[Kind, Callable[[Any], str]] = {
    "text": _copied_text,
    "json": _copied_text,
    "int": _copied_number,
    "bigint": _copied_number,
    "time": _copied_time,
    "bool": _bool,
}
