"""Puts the service together: migrate, then project in a thread, and serve the read API from the main thread."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg

from headrace.runtime import health, shutdown
from headrace.runtime.codecs import codec_for
from headrace.runtime.settings import PREFIX, InvalidSettings, Settings
from headrace.runtime.status_settings import StatusSettings
from headrace.shard.kafka.log import KafkaLog
from headrace.shard.ports import Bounds, LogAway, TopicPartition
from headrace.shard.topics import ensure_topics
from headrace_status.model import names
from headrace_status.projection.board import Board
from headrace_status.projection.projector import Projector

if TYPE_CHECKING:
    import uvicorn

log = logging.getLogger(__name__)
_NOT_REACHABLE = 75
"""What `headrace_status.model.migrate` exits with while Postgres does not answer."""


class CannotStart(RuntimeError):
    """The read model cannot be brought up to this version; the text says what to do."""


def run(settings: Settings, ready: Callable[[], None] = health.ready, stop: threading.Event | None = None) -> None:
    """Run the service until `stop`, by default until SIGTERM or SIGINT. Waits for a Kafka or a Postgres that is away.

    Raises:
        CannotStart: the read model cannot be used.
        PositionLost: a topic was deleted, made anew or shortened.
    """
    for name in ("postgres", "postgres_reader"):
        if not getattr(settings, name):
            raise InvalidSettings(
                f"Expected {PREFIX}{name.upper()} to be a DSN (postgresql://user:password@host/db), but it is not set"
            )
    stop = stop or shutdown.stop_event()
    limits = StatusSettings.load()
    migrated(settings, stop, limits)
    if not stop.is_set():
        Service(settings, limits, stop, ready).run()


def migrated(settings: Settings, stop: threading.Event, limits: StatusSettings) -> None:
    """Bring the read model up to this version in a child process, whose memory is gone afterwards.

    Raises:
        CannotStart: with what the child said.
    """
    environment = {
        **os.environ,
        f"{PREFIX}POSTGRES": settings.postgres,
        f"{PREFIX}POSTGRES_READER": settings.postgres_reader,
        f"{PREFIX}NAMESPACE": settings.namespace,
    }
    told = False
    while not stop.is_set():
        done = subprocess.run(
            [sys.executable, "-m", "headrace_status.model.migrate"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            return
        if done.returncode != _NOT_REACHABLE:
            raise CannotStart(done.stderr.strip() or f"the migration ended with {done.returncode}")
        if not told:
            told = True
            log.warning("%s. Waiting", done.stderr.strip())
        stop.wait(limits.retry_ms / 1000)


class Service:
    """The projector's thread and the API's loop; whichever ends first ends the other. The API answers from what is in
    the rows also while Kafka is away.
    """

    def __init__(
        self, settings: Settings, limits: StatusSettings, stop: threading.Event, ready: Callable[[], None]
    ) -> None:
        self._settings, self._limits, self._stop, self._ready = settings, limits, stop, ready
        self._log = KafkaLog(settings, collect_ms=limits.collect_ms)
        self._board = Board()
        self._failure: BaseException | None = None

    def run(self) -> None:
        """Run until stopped; what ended the projector is raised here."""
        thread = threading.Thread(target=self._project, name="projector")
        thread.start()
        try:
            asyncio.run(self._serve())
        finally:
            self._stop.set()
            thread.join()
            self._log.close()
        if self._failure is not None:
            raise self._failure

    def _project(self) -> None:
        settings = self._settings
        projector = Projector(
            self._log,
            lambda: psycopg.connect(settings.postgres, autocommit=True, connect_timeout=5),
            names.data_schema(settings.namespace),
            self._board,
            limits=self._limits,
            codec=codec_for(settings),
            away=lambda: self._log.availability.away,
        )
        try:
            ensure_topics(settings, stop=self._stop)
            projector.run(self._stop)
        except LogAway:
            assert self._stop.is_set(), "only being told to stop ends the wait for Kafka"
        except BaseException as failure:  # noqa: BLE001  it is raised again in the main thread
            log.critical("the projection stops: %s", failure)
            self._failure = failure
            self._stop.set()

    async def _serve(self) -> None:
        server = self._server()
        serving = asyncio.create_task(server.serve())
        told = False
        while not serving.done():
            if self._stop.is_set():
                server.should_exit = True
            elif not told and server.started and self._board.caught_up_once.is_set():
                told = True
                self._ready()
            await asyncio.wait([serving], timeout=0.1 if told else 0.02)
        if not server.started and not self._stop.is_set():
            raise CannotStart(f"Expected to listen on {self._settings.api}, but could not: is the port taken?")

    def _server(self) -> uvicorn.Server:
        import uvicorn

        from headrace_status.api.app import create_app

        # Its lines about starting and stopping say nothing that ours do not.
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
        host, port = bind_address(self._settings.api)
        settings = self._settings
        app = create_app(
            settings.postgres_reader, names.view_schema(settings.namespace), self._board, self._ends, self._limits
        )
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            loop="asyncio",
            http="h11",
            ws="none",
            server_header=False,
            timeout_graceful_shutdown=2,
        )
        return _server(config)

    def _ends(self) -> dict[TopicPartition, Bounds]:
        return self._log.bounds(self._board.progress())


def bind_address(api: str) -> tuple[str, int]:
    """Return the host and port of HEADRACE_API.

    Raises:
        InvalidSettings: it is no http address.
    """
    parts = urlsplit(api if "//" in api else f"http://{api}")
    try:
        port = parts.port or 80
    except ValueError:
        port = -1
    if parts.scheme != "http" or not parts.hostname or port < 0:
        raise InvalidSettings(f"Expected {PREFIX}API to be an address such as http://127.0.0.1:8700, but found {api}")
    return parts.hostname, port


def _server(config: uvicorn.Config) -> uvicorn.Server:
    import uvicorn

    class Server(uvicorn.Server):
        """Leaves signals to the service, which has more to stop than a server."""

        def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
            return nullcontext()

    return Server(config)
