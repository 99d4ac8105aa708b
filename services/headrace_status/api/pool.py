"""Connections of the read-only role: few, opened when needed, given back after every query."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import msgspec
import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.rows import dict_row

from headrace.runtime.status_settings import StatusSettings
from headrace_status.api.problems import Problem, bad_request

log = logging.getLogger(__name__)
Row = dict[str, Any]


class Pool:
    """Runs queries in read-only transactions, each with a time limit."""

    def __init__(self, dsn: str, schema: str, limits: StatusSettings) -> None:
        self._dsn = dsn
        self._limits = limits
        self._options = (
            f"-c search_path={schema} -c default_transaction_read_only=on -c statement_timeout={limits.query_ms}"
            " -c timezone=UTC -c datestyle=ISO"
        )
        self._free: list[psycopg.AsyncConnection[Row]] = []
        self._slots = asyncio.Semaphore(limits.reader_connections)
        self._away = False

    async def rows(self, query: str, values: Sequence[Any] | dict[str, Any] = ()) -> list[Row]:
        """Return the rows of a query. JSON comes as `msgspec.Raw`, times as ISO 8601 in UTC with milliseconds.

        Raises:
            Problem: Postgres does not answer, the query takes too long, or every connection is busy.
        """
        async with self._slot():
            try:
                return await self._query(query, values)
            except psycopg.errors.QueryCanceled as error:
                seconds = self._limits.query_ms // 1000
                detail = (
                    f"Expected an answer within {seconds} s, but the query takes longer; narrow it down, say "
                    f"by started_after"
                )
                raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail) from error
            except psycopg.DataError as error:
                text = str(error).strip().splitlines()[0]
                raise bad_request(f"Expected values that Postgres can compare, but it says: {text}") from error
            except psycopg.OperationalError as error:
                raise self._not_answered(error) from error

    async def close(self) -> None:
        """Close what is open."""
        while self._free:
            await self._free.pop().close()

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        try:
            await asyncio.wait_for(self._slots.acquire(), self._limits.connection_wait_ms / 1000)
        except TimeoutError:
            detail = "Expected a free connection to Postgres, but all are busy; try again"
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail) from None
        try:
            yield
        finally:
            self._slots.release()

    async def _query(self, query: str, values: Sequence[Any] | dict[str, Any]) -> list[Row]:
        while self._free:
            try:
                return await self._on(self._free.pop(), query, values)
            except psycopg.errors.QueryCanceled:
                raise
            except psycopg.OperationalError:
                continue  # it was cut off while nobody used it, as by a restart; reading can be repeated
        return await self._on(await self._connect(), query, values)

    async def _on(
        self, connection: psycopg.AsyncConnection[Row], query: str, values: Sequence[Any] | dict[str, Any]
    ) -> list[Row]:
        try:
            cursor = await connection.execute(query, values or None)
            return await cursor.fetchall()
        finally:
            if connection.closed or connection.broken:
                await connection.close()
            else:
                self._free.append(connection)

    async def _connect(self) -> psycopg.AsyncConnection[Row]:
        connection = await psycopg.AsyncConnection.connect(
            self._dsn, autocommit=True, row_factory=dict_row, options=self._options, connect_timeout=5
        )
        connection.adapters.register_loader("json", _RawLoader)
        connection.adapters.register_loader("timestamptz", _TimeLoader)
        if self._away:
            self._away = False
            log.warning("Postgres answers the read API again")
        return connection

    def _not_answered(self, error: psycopg.OperationalError) -> Problem:
        if not self._away:
            self._away = True
            log.warning("Postgres does not answer the read API: %s", str(error).strip().splitlines()[0])
        return Problem(
            HTTPStatus.SERVICE_UNAVAILABLE, "Expected Postgres to answer, but it does not; nothing is lost, try again"
        )


class _RawLoader(Loader):
    """JSON goes to the client as Postgres holds it."""

    def load(self, data: Buffer) -> msgspec.Raw:
        return msgspec.Raw(bytes(data))


class _TimeLoader(Loader):
    """`2026-11-21 11:19:43.1+00` becomes `2026-11-21T11:19:43.100Z`."""

    def load(self, data: Buffer) -> str:
        return iso_time(bytes(data).decode())


def iso_time(text: str) -> str:
    """Return a UTC timestamp as Postgres writes it in ISO 8601 with milliseconds."""
    whole, _, fraction = text.removesuffix("+00").replace(" ", "T").partition(".")
    return f"{whole}.{(fraction + '000')[:3]}Z"
