"""Postgres or the log away: the projector and the read API wait, and go on by themselves."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import psycopg
import pytest

from headrace_status.projection.board import Board
from tests.support.status_events import ID, started, succeeded
from tests.support.status_world import StatusWorld


def eventually(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not what():
        assert time.monotonic() < deadline, "it did not happen within 30 s"
        time.sleep(0.01)


@contextmanager
def projecting(world: StatusWorld) -> Iterator[Board]:
    stop = threading.Event()
    thread = threading.Thread(target=world.projector().run, args=(stop,))
    thread.start()
    try:
        assert world.board.caught_up_once.wait(30)
        yield world.board
    finally:
        stop.set()
        thread.join(30)


def cut_connections(world: StatusWorld) -> None:
    """End every other connection to the test's database, as a restart of Postgres does."""
    with world.connect() as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND usename "
            "= current_user"
            " AND pid <> pg_backend_pid()"
        )


def status(world: StatusWorld) -> str:
    rows = world.rows("SELECT status FROM workflows WHERE id = %s", ID)
    return rows[0]["status"] if rows else "NONE"


def test_the_projector_survives_a_cut_connection_and_writes_nothing_twice(world: StatusWorld) -> None:
    with projecting(world):
        world.workflow(started())
        eventually(lambda: status(world) == "RUNNING")
        cut_connections(world)
        world.workflow(succeeded())
        eventually(lambda: status(world) == "SUCCEEDED")
    assert len(world.rows("SELECT * FROM history")) == 2


def test_the_lag_grows_while_the_log_is_away_and_is_gone_afterwards(world: StatusWorld) -> None:
    with projecting(world) as board:
        eventually(lambda: board.lag_ms() == 0)
        world.log.away = True
        eventually(lambda: board.lag_ms() > 0)
        world.log.away = False
        world.workflow(started())
        eventually(lambda: status(world) == "RUNNING" and board.lag_ms() == 0)


def test_an_outage_is_told_once(world: StatusWorld, caplog: pytest.LogCaptureFixture) -> None:
    failures = 3
    reached = threading.Event()

    def connect() -> psycopg.Connection:
        nonlocal failures
        failures -= 1
        if failures > 0:
            raise psycopg.OperationalError("connection refused")
        reached.set()
        return psycopg.connect(world.owner, autocommit=True)

    world.connect = connect  # type: ignore[method-assign]
    with caplog.at_level(logging.WARNING), projecting(world):
        assert reached.wait(30)
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        "Postgres does not answer",
        "Postgres answers again; going on",
    ]


def test_the_api_reconnects(world: StatusWorld, api: httpx.Client) -> None:
    world.workflow(started())
    world.project()
    assert api.get("/api/v1/workflows").status_code == 200
    with psycopg.connect(world.reader, autocommit=True) as reader:
        reader.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user AND pid <> "
            "pg_backend_pid()"
            " AND datname = current_database()"
        )
    assert api.get("/api/v1/workflows").status_code == 200
