"""The SQL of the hot path, made once per table: whole columns travel as arrays, and `unnest` turns them into rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from headrace_status.fold.changes import FINAL, FINAL_STATUSES
from headrace_status.model.columns import Column, Kind, TableSpec

_ARRAY_TYPES: dict[Kind, str] = {
    "text": "text[]",
    "int": "int[]",
    "bigint": "bigint[]",
    "time": "bigint[]",
    "json": "json[]",
    "object": "jsonb[]",
    "bool": "bool[]",
}


@cache
def upsert(schema: str, table: TableSpec, used: tuple[str, ...]) -> str:
    """Return the statement that makes or changes rows: a null in a new value leaves the old one.

    `used` are the columns beside the key that any row of the batch has: most events tell of few of them.
    """
    columns = (*table.key, *(column for column in table.columns if column.name in used))
    names = ", ".join(f'"{column.name}"' for column in columns)
    keys = ", ".join(f'"{column.name}"' for column in table.key)
    sets = ", ".join(_merged(name) if name in table.objects else _kept(name) for name in used)
    guard = f' WHERE t."{table.guard}" = excluded."{table.guard}"' if table.guard else ""
    return (
        f'INSERT INTO "{schema}"."{table.name}" AS t ({names}) SELECT * FROM unnest({_arrays(columns)})'
        f" ON CONFLICT ({keys}) DO UPDATE SET {sets}{guard}"
    )


def _kept(name: str) -> str:
    return f'"{name}" = COALESCE(excluded."{name}", t."{name}")'


def _merged(name: str) -> str:
    return f'"{name}" = COALESCE(t."{name}" || excluded."{name}", excluded."{name}", t."{name}")'


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


def _arrays(columns: Sequence[Column]) -> str:
    return ", ".join(f"%s::{_ARRAY_TYPES[column.kind]}" for column in columns)
