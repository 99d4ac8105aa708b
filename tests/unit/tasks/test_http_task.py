"""Requests as async tasks: answered at once, or asked after."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from headrace.authoring.outside import PENDING, Finished
from headrace.tasks.http_task import Http, HttpFailed, HttpRefused


class Server(ThreadingHTTPServer):
    """Answers by path, and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.is_done = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        match self.path:
            case "/json":
                self.answer(200, {"rows": 7})
            case "/text":
                self.answer(200, "plain")
            case "/work":
                self.answer(202, {}, Location="/jobs/1")
            case "/jobs/1":
                self.answer(200 if self.server.is_done else 202, {"state": "over"})
            case path:
                self.answer(int(path[1:]), {"why": "so"})

    do_POST = do_DELETE = do_GET  # noqa: N815  the base class calls them by these names

    def answer(self, status: int, body: Any, **headers: str) -> None:
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain" if isinstance(body, str) else "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name is the base class's
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_request_that_is_answered_is_finished(server: Server) -> None:
    finished = asyncio.run(Http().submit("key", f"{server.url}/json", "POST", {"X-Mill": "wheel"}, {"a": 1}))
    assert isinstance(finished, Finished)
    assert (finished.result["status"], finished.result["body"]) == (200, {"rows": 7})
    ((method, _, headers, body),) = server.asked
    assert (method, body) == ("POST", b'{"a":1}')
    assert (headers["idempotency-key"], headers["x-mill"], headers["content-type"]) == (
        "key",
        "wheel",
        "application/json",
    )


def test_what_is_no_json_is_text(server: Server) -> None:
    finished = asyncio.run(Http().submit("key", f"{server.url}/text"))
    assert finished.result["body"] == "plain"


def test_one_that_takes_longer_is_asked_after_and_can_be_ended(server: Server) -> None:
    handle = asyncio.run(Http().submit("key", f"{server.url}/work", headers={"Authorization": "x"}))
    assert handle == {"url": f"{server.url}/jobs/1", "headers": {"Authorization": "x"}}
    assert asyncio.run(Http().poll(handle)) is PENDING
    server.is_done = True
    assert asyncio.run(Http().poll(handle))["body"] == {"state": "over"}
    asyncio.run(Http().cancel(handle))
    assert server.asked[-1][:2] == ("DELETE", "/jobs/1")


@pytest.mark.parametrize(("status", "error"), [(404, HttpRefused), (429, HttpFailed), (503, HttpFailed)])
def test_a_refusal_is_not_tried_again_and_a_failure_may_be(server: Server, status: int, error: type) -> None:
    with pytest.raises(error, match=f"found {status}"):
        asyncio.run(Http().submit("key", f"{server.url}/{status}"))


def test_while_nobody_answers_a_poll_waits(server: Server) -> None:
    assert asyncio.run(Http().poll({"url": f"{server.url}/503", "headers": {}})) is PENDING
    assert asyncio.run(Http().poll({"url": "http://127.0.0.1:1/", "headers": {}})) is PENDING
