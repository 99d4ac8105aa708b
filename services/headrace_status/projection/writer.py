"""Writes a batch: rows and positions in one Postgres transaction.

1. *Positions first*, each with its old value as the condition. Where one does not match, another projector has been
   here: the whole transaction is undone, and `PositionsMoved` says so.
2. *Deletes, then upserts, then appends, then closing of tasks.* The batch has merged what belongs together, so this
   order is right.
3. *A row that Postgres refuses* must not stop the rest: the transaction is done again with savepoints, halving what is
   refused until single rows are left, and those are recorded in `refused_rows`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import psycopg

from headrace.shard.ports import TopicPartition
from headrace.shard.reader_rule import Position
from headrace_status.fold.batch import Batch
from headrace_status.fold.changes import CloseTasks
from headrace_status.fold.payload import plain
from headrace_status.model.columns import BY_NAME, COPIED, LOGS, UPSERTED, TableSpec
from headrace_status.projection import literals, statements

log = logging.getLogger(__name__)
# A key in a report is for people; the row that was refused may have been too long in just this.
LONGEST_REFUSED_KEY = 200
# Classes of SQLSTATE that speak of the data in hand: data exception, integrity violation, program limit exceeded.
_ABOUT_DATA = ("22", "23", "54")


class PositionsMoved(Exception):
    """Another projector has written since we last looked; nothing of ours was written."""


class Move(msgspec.Struct, frozen=True, gc=False):
    """A position that moves on: from an old offset to a new position; `at` is the time of the last record, in ms."""

    partition: TopicPartition
    old_offset: int
    new: Position
    at: int


class Writer:
    """Writes batches into the data schema of a namespace, on a connection that is its own."""

    def __init__(self, connection: psycopg.Connection, schema: str) -> None:
        self._connection = connection
        self._schema = schema

    def write(self, batch: Batch, moves: Sequence[Move]) -> int:
        """Write a batch and return how many rows were refused.

        Raises:
            PositionsMoved: another projector was faster.
            psycopg.OperationalError: Postgres does not answer.
        """
        steps = list(self._steps(batch))
        try:
            with self._connection.transaction():
                self._move(moves)
                for step, rows in steps:
                    step(rows)
        except psycopg.Error as error:
            if not about_data(error):
                raise
        else:
            return 0
        with self._connection.transaction():
            self._move(moves)
            return sum(self._carefully(step, rows) for step, rows in steps)

    def _move(self, moves: Sequence[Move]) -> None:
        now = time.time_ns() // 1_000_000
        columns = [
            literals.array("text", [move.partition.topic for move in moves]),
            literals.array("int", [move.partition.partition for move in moves]),
            literals.array("bigint", [move.old_offset for move in moves]),
            literals.array("bigint", [move.new.offset for move in moves]),
            literals.array("bigint", [move.new.epoch for move in moves]),
            literals.array("bigint", [move.new.n for move in moves]),
            literals.array("time", [move.at for move in moves]),
            literals.array("time", [now] * len(moves)),
        ]
        moved = self._execute(statements.move_positions(self._schema), columns).rowcount
        if moved != len(moves):
            raise PositionsMoved(
                f"Expected to move {len(moves)} positions, but {len(moves) - moved} are elsewhere by now"
            )

    def _steps(self, batch: Batch) -> list[tuple[Callable[[list[Any]], None], list[Any]]]:
        steps: list[tuple[Callable[[list[Any]], None], list[Any]]] = []
        for name, keys in batch.deletes.items():
            steps.append((_Delete(self, BY_NAME[name]), list(keys)))
        for table in UPSERTED:
            rows = batch.puts.get(table.name)
            if rows:
                steps.append((_Upsert(self, table), list(rows.items())))
        for table in COPIED:
            appended = batch.appends.get(table.name)
            if appended:
                steps.append((_Copy(self, table), appended))
        if batch.closes:
            steps.append((_Close(self), list(batch.closes.values())))
        return steps

    def _carefully(self, step: Any, rows: list[Any]) -> int:
        """Do a step, halving what is refused; return how many rows were."""
        try:
            with self._connection.transaction():
                step(rows)
        except psycopg.Error as error:
            if not about_data(error):
                raise
            if len(rows) > 1:
                half = len(rows) // 2
                return self._carefully(step, rows[:half]) + self._carefully(step, rows[half:])
            self._refused(step.table, step.key(rows[0]), error)
            return 1
        return 0

    def _refused(self, table: TableSpec, key: Sequence[Any], error: psycopg.Error) -> None:
        text = plain("/".join(map(str, key)))[:LONGEST_REFUSED_KEY]
        reason = plain(str(error.diag.message_primary or error))[:1000]
        # A line about a line that was refused would be refused as well, and so on.
        about_logs = {"ship": table is not LOGS}
        log.warning(
            "Expected Postgres to take a row of %s, but it refused %s: %s", table.name, text, reason, extra=about_logs
        )
        self._connection.execute(
            f'INSERT INTO "{self._schema}"."refused_rows" VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING',
            (time.time_ns() // 1_000_000, table.name, text, reason),
        )

    def _execute(self, statement: str, columns: Sequence[str]) -> psycopg.Cursor[Any]:
        return self._connection.execute(statement, columns)

    @property
    def schema(self) -> str:
        """Return the data schema."""
        return self._schema

    def run(self, statement: str, columns: Sequence[str]) -> None:
        """Run a statement over columns given as array literals."""
        self._execute(statement, columns)

    def copy(self, statement: str, text: str) -> None:
        """Send rows as COPY text."""
        with self._connection.cursor() as cursor, cursor.copy(statement) as sink:
            sink.write(text)


class _Upsert:
    """Rows as (key, values by name)."""

    def __init__(self, writer: Writer, table: TableSpec) -> None:
        self._writer, self.table = writer, table

    def __call__(self, rows: list[Any]) -> None:
        shapes: dict[tuple[str, ...], list[Any]] = {}
        for row in rows:
            shapes.setdefault(tuple(row[1]), []).append(row)
        found = set().union(*shapes)
        used = [column for column in self.table.columns[self.table.key_length :] if column.name in found]
        values: list[list[Any]] = [[] for _ in range(self.table.key_length + len(used))]
        # Rows that name the same columns in the same order are turned into columns at once, each row looked at once.
        for shape, alike in shapes.items():
            by_name = dict(zip(shape, zip(*[row.values() for _, row in alike], strict=True), strict=False))
            nothing = [None] * len(alike)
            keys = zip(*[key for key, _ in alike], strict=True)
            others = (by_name.get(column.name, nothing) for column in used)
            for target, part in zip(values, (*keys, *others), strict=True):
                target.extend(part)
        kinds = [column.kind for column in (*self.table.key, *used)]
        columns = [literals.array(kind, column) for kind, column in zip(kinds, values, strict=True)]
        statement = statements.upsert(self._writer.schema, self.table, tuple(column.name for column in used))
        self._writer.run(statement, columns)

    @staticmethod
    def key(row: Any) -> Sequence[Any]:
        return row[0]  # type: ignore[no-any-return]


class _Delete:
    """Rows as keys."""

    def __init__(self, writer: Writer, table: TableSpec) -> None:
        self._writer, self.table = writer, table

    def __call__(self, rows: list[Any]) -> None:
        columns = [literals.array(column.kind, [key[at] for key in rows]) for at, column in enumerate(self.table.key)]
        self._writer.run(statements.delete(self._writer.schema, self.table), columns)

    @staticmethod
    def key(row: Any) -> Sequence[Any]:
        return row  # type: ignore[no-any-return]


class _Copy:
    """Rows as tuples in the order of the columns."""

    def __init__(self, writer: Writer, table: TableSpec) -> None:
        self._writer, self.table = writer, table

    def __call__(self, rows: list[Any]) -> None:
        text = literals.copy_text([column.kind for column in self.table.columns], rows)
        self._writer.copy(statements.copy(self._writer.schema, self.table), text)

    def key(self, row: Any) -> Sequence[Any]:
        return row[: self.table.key_length]  # type: ignore[no-any-return]


class _Close:
    """Rows as `CloseTasks`."""

    table = BY_NAME["tasks"]

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def __call__(self, rows: list[CloseTasks]) -> None:
        columns = [
            literals.array("text", [row.workflow_id for row in rows]),
            literals.array("text", [row.run_id for row in rows]),
            literals.array("int", [row.step for row in rows]),
            literals.array("text", [row.reason for row in rows]),
            literals.array("time", [row.at for row in rows]),
        ]
        self._writer.run(statements.close_tasks(self._writer.schema), columns)

    @staticmethod
    def key(row: CloseTasks) -> Sequence[Any]:
        return (row.workflow_id, row.run_id, row.step)


def about_data(error: psycopg.Error) -> bool:
    """Tell whether Postgres refused what we gave it, rather than being away or broken."""
    state = error.sqlstate
    return isinstance(error, psycopg.DataError) if state is None else state.startswith(_ABOUT_DATA)
