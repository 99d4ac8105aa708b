"""The read API as a real server on a free port."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from headrace_status.api.app import create_app
from tests.support.status_world import NAMESPACE, StatusWorld


@contextmanager
def serving(world: StatusWorld) -> Iterator[str]:
    """Serve the read model of a world; gives the address."""
    app = create_app(world.reader, NAMESPACE, world.board, lambda: world.log.bounds(world.board.progress()))
    started = threading.Event()

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
            await super().startup()
            started.set()

    server = Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, access_log=False, ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert started.wait(30), "the read API did not start"
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(30)
