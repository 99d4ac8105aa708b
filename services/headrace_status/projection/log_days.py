"""The log's days: lines of log are partitioned by the day on which they were written, so that old ones go at no cost.

A day is dropped as a whole, once all of it is older than lines are kept. Days are made ahead. Lines of any other time
(a clock that is wrong, a topic that is read again from its beginning) go to one partition for all the rest, from which
they move to a day of their own at the next look; what is too old there, or too far ahead, is deleted line by line.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime

import psycopg

log = logging.getLogger(__name__)
DAY_MS = 86_400_000
REST = "logs_rest"
_PREFIX = "logs_day_"
# Tomorrow and the day after: whoever is away for a day still finds a place for what is written then.
_AHEAD = 2
# Days that are made of the rest at one look: each is a lock on the log for a moment.
_AT_ONCE = 32
# A query that reads the log may hold it for its time; we come again.
_LOCK_WAIT = "1s"


def days_ahead(now_ms: int) -> range:
    """Return the days, counted from 1970, that must have a table of their own by now."""
    today = now_ms // DAY_MS
    return range(today, today + _AHEAD + 1)


def oldest_day(now_ms: int, kept_ms: int) -> int:
    """Return the first day of which a line may still be kept."""
    return max(now_ms - kept_ms, 0) // DAY_MS


def table_of(day: int) -> str:
    """Return the name of a day's table."""
    return _PREFIX + datetime.fromtimestamp(day * DAY_MS / 1000, UTC).strftime("%Y%m%d")


def day_of(table: str) -> int | None:
    """Return the day of a table; None for the partition of all the rest."""
    if not table.startswith(_PREFIX):
        return None
    at = datetime.strptime(table.removeprefix(_PREFIX), "%Y%m%d").replace(tzinfo=UTC)
    return int(at.timestamp()) * 1000 // DAY_MS


class LogDays:
    """The partitions of one namespace's log, in transactions of their own."""

    def __init__(self, connection: psycopg.Connection, schema: str, kept_ms: int) -> None:
        self._connection = connection
        self._schema = schema
        self._kept_ms = kept_ms

    def keep(self, now_ms: int) -> None:
        """Make the days that are wanted, drop those whose time is over, and delete what is too old among the rest."""
        self._make_rest()
        there = {day for table in self._tables() if (day := day_of(table)) is not None}
        oldest = oldest_day(now_ms, self._kept_ms)
        for day in sorted(there):
            if day < oldest:
                self._locked(self._drop, day)
        self._connection.execute(
            f'DELETE FROM "{self._schema}".{REST} WHERE at < %s OR at > %s',
            (now_ms - self._kept_ms, now_ms + self._kept_ms),
        )
        for day in sorted({*days_ahead(now_ms), *self._days_of_the_rest(now_ms)} - there):
            self._locked(self._make, day)

    def _days_of_the_rest(self, now_ms: int) -> list[int]:
        rows = self._connection.execute(
            f'SELECT DISTINCT at / {DAY_MS} FROM "{self._schema}".{REST} WHERE at < %s LIMIT {_AT_ONCE}', (now_ms,)
        )
        return [int(day) for (day,) in rows]

    def _tables(self) -> list[str]:
        rows = self._connection.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " JOIN pg_class p ON p.oid = i.inhparent JOIN pg_namespace n ON n.oid = p.relnamespace"
            " WHERE n.nspname = %s AND p.relname = 'logs'",
            (self._schema,),
        )
        return [str(name) for (name,) in rows]

    def _make_rest(self) -> None:
        if REST not in self._tables():
            self._connection.execute(
                f'CREATE TABLE IF NOT EXISTS "{self._schema}".{REST} PARTITION OF "{self._schema}".logs DEFAULT'
            )

    def _make(self, day: int) -> None:
        table, first, last = f'"{self._schema}".{table_of(day)}', day * DAY_MS, (day + 1) * DAY_MS
        self._connection.execute(f'CREATE TABLE {table} (LIKE "{self._schema}".logs INCLUDING ALL)')
        self._connection.execute(
            f'WITH moved AS (DELETE FROM "{self._schema}".{REST} WHERE at >= %s AND at < %s RETURNING *)'
            f" INSERT INTO {table} SELECT * FROM moved",
            (first, last),
        )
        self._connection.execute(
            f'ALTER TABLE "{self._schema}".logs ATTACH PARTITION {table} FOR VALUES FROM ({first}) TO ({last})'
        )

    def _drop(self, day: int) -> None:
        self._connection.execute(f'DROP TABLE "{self._schema}".{table_of(day)}')

    def _locked(self, change: Callable[[int], None], day: int) -> None:
        try:
            with self._connection.transaction():
                self._connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_WAIT}'")
                change(day)
        except psycopg.errors.LockNotAvailable:
            log.info("the log is being read: its day %s is made or dropped later", table_of(day))
