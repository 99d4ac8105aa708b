"""What the projector does beside its batches: forgets forwarded commands that have arrived, and old lines of log."""

from __future__ import annotations

import time

import psycopg

from headrace.runtime.status_settings import StatusSettings
from headrace_status.fold.batch import Batch


class Upkeep:
    """Housekeeping of one namespace's tables, in transactions of its own: it can be repeated at will."""

    def __init__(self, connection: psycopg.Connection, schema: str, limits: StatusSettings) -> None:
        self._connection = connection
        self._schema = schema
        self._limits = limits
        self._forwards = True
        self._purged_at = float("-inf")

    def written(self, batch: Batch) -> None:
        """Look after a batch: commands are forwarded rarely, so most of the time this does nothing."""
        if "forwards" in batch.puts:
            self._forwards = True
        if self._forwards:
            self._forget_forwards()

    def idle(self) -> None:
        """Do what is due while nothing else is."""
        if time.monotonic() - self._purged_at > self._limits.purge_ms / 1000:
            self._purged_at = time.monotonic()
            oldest = time.time_ns() // 1_000_000 - self._limits.logs_kept_ms
            self._connection.execute(f'DELETE FROM "{self._schema}".logs WHERE at < %s', (oldest,))

    def _forget_forwards(self) -> None:
        self._connection.execute(
            f'DELETE FROM "{self._schema}".forwards f USING "{self._schema}".inputs i'
            " WHERE i.shard = f.to_shard AND i.topic = 'workflow.journal' AND i.partition = f.partition"
            ' AND i."offset" >= f.journal_offset'
        )
        row = self._connection.execute(f'SELECT 1 FROM "{self._schema}".forwards LIMIT 1').fetchone()
        self._forwards = row is not None
