"""What the projector does beside its batches: forgets forwarded commands that have arrived, old lines of log and old
accounts, and, where somebody chose so, workflows that closed long ago, and what workflows without an end did long ago.
"""

from __future__ import annotations

import time

import psycopg

from headrace.runtime.status_settings import StatusSettings
from headrace_status.fold.batch import Batch
from headrace_status.projection.log_days import LogDays

CLOSED = ("SUCCEEDED", "FAILED", "CANCELLED", "TERMINATED", "TIMED_OUT")
# Tables with rows of a workflow that its id leads to. Lines of log go by their own time.
# Rows of runs that went on as others, removed in one transaction: some tens of milliseconds of work.
_ROWS_AT_ONCE = 5_000
# What the runs that went on as others left behind; that and how each started stays with its workflow.
_LEFT_BEHIND = {
    "tasks": "x.decided >= 100 AND x.ended_at < %s",
    "history": "x.run_id <> '' AND x.type <> 'WorkflowStarted' AND x.at < %s",
}
_BELONGINGS = ("tasks", "nodes", "history", "refusals", "published", "schedule_runs")


class Upkeep:
    """Housekeeping of one namespace's tables, in transactions of its own: it can be repeated at will.

    Made before the first batch is written, since lines of log need their day.
    """

    def __init__(self, connection: psycopg.Connection, schema: str, limits: StatusSettings) -> None:
        self._connection = connection
        self._schema = schema
        self._limits = limits
        self._forwards = True
        self._purged_at = self._removed_at = float("-inf")
        self._days = LogDays(connection, schema, limits.logs_kept_ms)
        self._purge()

    def written(self, batch: Batch) -> None:
        """Look after a batch: commands are forwarded rarely, so most of the time this does nothing."""
        if "forwards" in batch.puts:
            self._forwards = True
        if self._forwards:
            self._forget_forwards()

    def between(self) -> None:
        """Do what is due between two batches, also under load: drop old days of the log, and remove some of the
        workflows whose time is over.
        """
        if time.monotonic() - self._purged_at > self._limits.purge_ms / 1000:
            self._purge()
        kept_ms = self._limits.closed_kept_ms
        if not kept_ms or time.monotonic() - self._removed_at < self._limits.purge_ms / 1000:
            return
        before = _now_ms() - kept_ms
        if self._remove(before) < self._limits.removed_at_once and self._forget_runs(before) < _ROWS_AT_ONCE:
            self._removed_at = time.monotonic()

    def _purge(self) -> None:
        self._purged_at = time.monotonic()
        now_ms = _now_ms()
        self._days.keep(now_ms)
        self._connection.execute(f'DELETE FROM "{self._schema}".io WHERE at < %s', (now_ms - self._limits.io_kept_ms,))

    def _remove(self, ended_before: int) -> int:
        """Remove closed workflows with all that belongs to them; return how many.

        The index of statuses leads to them past all that are open, however many those are.
        """
        with self._connection.transaction():
            found = self._connection.execute(
                f'DELETE FROM "{self._schema}".workflows WHERE workflow_id IN (SELECT workflow_id'
                f' FROM "{self._schema}".workflows WHERE status = ANY(%s) AND started_at < %s AND ended_at < %s'
                " AND ended_at > 0 LIMIT %s) RETURNING workflow_id",
                (list(CLOSED), ended_before, ended_before, self._limits.removed_at_once),
            ).fetchall()
            ids = [workflow_id for (workflow_id,) in found]
            for table in _BELONGINGS if ids else ():
                self._connection.execute(f'DELETE FROM "{self._schema}".{table} WHERE workflow_id = ANY(%s)', (ids,))
        return len(ids)

    def _forget_runs(self, ended_before: int) -> int:
        """Remove what workflows did in runs that went on as others; return how many rows of a table at most."""
        most = 0
        for table, old in _LEFT_BEHIND.items():
            removed = self._connection.execute(
                f'DELETE FROM "{self._schema}".{table} WHERE ctid = ANY(ARRAY(SELECT x.ctid'
                f' FROM "{self._schema}".workflows w JOIN "{self._schema}".{table} x ON x.workflow_id = w.workflow_id'
                f" WHERE w.continued > 0 AND x.run_id <> w.run_id AND {old} LIMIT %s))",
                (ended_before, _ROWS_AT_ONCE),
            ).rowcount
            most = max(most, removed)
        return most

    def _forget_forwards(self) -> None:
        self._connection.execute(
            f'DELETE FROM "{self._schema}".forwards f USING "{self._schema}".inputs i'
            " WHERE i.shard = f.to_shard AND i.topic = 'workflow.journal' AND i.partition = f.partition"
            ' AND i."offset" >= f.journal_offset'
        )
        row = self._connection.execute(f'SELECT 1 FROM "{self._schema}".forwards LIMIT 1').fetchone()
        self._forwards = row is not None


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
