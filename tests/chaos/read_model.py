"""The read model by plain SQL; an answer is None while Postgres does not give one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

import psycopg
from psycopg.rows import dict_row, tuple_row

from headrace_status.model.names import view_schema
from tests.support.checkers.history import History
from tests.support.checkers.read_model import check_read_model

_CONNECT_S = 2


class ReadModel:
    """Looks at the views as anybody may who has the reader's DSN."""

    def __init__(self, dsn: str, namespace: str) -> None:
        self._dsn = dsn
        self._schema = view_schema(namespace)
        self._connection: psycopg.Connection | None = None

    def closed(self, workflow_ids: Iterable[str]) -> set[str]:
        """Return those that are shown as ended; none while Postgres is away."""
        rows = self._try(
            "SELECT id FROM workflows WHERE id = ANY(%s) AND status NOT IN ('RUNNING', 'PAUSED')", [list(workflow_ids)]
        )
        return {row[0] for row in rows or ()}

    def is_level(self, ends: Mapping[tuple[str, int], int]) -> bool:
        """Tell whether the projection has read up to the ends, which are the offsets to come."""
        rows = self._try('SELECT topic, partition, "offset" FROM positions')
        reached = {(topic, partition): offset for topic, partition, offset in rows or ()}
        return all(reached.get(where, -1) >= end - 1 for where, end in ends.items())

    def check(self, history: History) -> list[str]:
        """Return how the read model differs from the journals."""
        with psycopg.connect(self._dsn, options=f"-c search_path={self._schema}") as connection:
            with connection.cursor(row_factory=dict_row) as cursor:
                workflows = {r["id"]: r for r in cursor.execute("SELECT id, status, output FROM workflows")}
            with connection.cursor(row_factory=tuple_row) as cursor:
                tasks = cursor.execute(
                    "SELECT workflow_id, step, attempt, status FROM tasks "
                    "WHERE status IN ('SCHEDULED', 'RUNNING', 'UNSERVED', 'WAITING')"
                ).fetchall()
                rows = cursor.execute('SELECT journal, partition, "offset", seq FROM history').fetchall()
        return check_read_model(history, workflows, tasks, rows)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _try(self, query: str, parameters: Any = None) -> list[tuple[Any, ...]] | None:
        try:
            if self._connection is None:
                self._connection = psycopg.connect(
                    self._dsn, autocommit=True, connect_timeout=_CONNECT_S, options=f"-c search_path={self._schema}"
                )
            return self._connection.execute(query, parameters).fetchall()
        except psycopg.Error:
            if self._connection is not None:
                with suppress(psycopg.Error):
                    self._connection.close()
            self._connection = None
            return None
