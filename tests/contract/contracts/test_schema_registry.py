"""Schema ids from a registry: registered once, cached, resolved, and clear errors when it is away or refuses."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
import pytest

from headrace.contracts.codec import Codec, DecodeError
from headrace.contracts.commands import CancelWorkflow
from headrace.contracts.schema_registry import RegistryError, RegistryIds
from headrace.contracts.schemas import self_contained
from headrace.runtime.codecs import codec_for
from headrace.runtime.settings import Settings

COMMAND = CancelWorkflow(command_id="c-1", workflow_id="w-1", issued_at=1)


class Registry:
    """The two endpoints of a registry that matter, in memory."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.schemas: list[tuple[str, str]] = []
        self.asked: list[str] = []

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        self.asked.append(f"{method} {path}")
        match path.strip("/").split("/"):
            case ["subjects", subject, "versions"] if method == "POST":
                if "refused" in subject:
                    return 409, {"error_code": 409, "message": "incompatible"}
                found = (subject, body["schema"])
                if found not in self.schemas:
                    self.schemas.append(found)
                return 200, {"id": 100 + self.schemas.index(found)}
            case ["schemas", "ids", number] if 0 <= int(number) - 100 < len(self.schemas):
                return 200, {"schema": self.schemas[int(number) - 100][1]}
        return 404, {"error_code": 40403, "message": "Schema not found"}


@contextmanager
def _served() -> Iterator[Registry]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            status, answer = registry.answer(self.command, self.path, body)
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = _serve  # noqa: N815 (the names that the standard library calls)

        def log_message(self, format: str, *args: Any) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    registry = Registry(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def registry() -> Iterator[Registry]:
    with _served() as found:
        yield found


@pytest.fixture
def ids(registry: Registry) -> Iterator[RegistryIds]:
    found = RegistryIds(registry.address, namespace="mill")
    yield found
    found.close()


def test_a_schema_is_registered_once_and_its_id_is_on_the_wire(registry: Registry, ids: RegistryIds) -> None:
    registry.schemas.append(("somebody else's", "{}"))
    codec = Codec(ids)
    first, second = codec.encode(COMMAND), codec.encode(COMMAND)
    assert first == second
    assert first[:5] == b"\0" + (101).to_bytes(4, "big")
    assert registry.asked == ["POST /subjects/mill-headrace.v1.CancelWorkflow/versions"]
    assert json.loads(registry.schemas[1][1]) == self_contained("CancelWorkflow")


def test_an_id_is_resolved_once(registry: Registry, ids: RegistryIds) -> None:
    data = Codec(ids).encode(COMMAND)
    reader = RegistryIds(registry.address, namespace="mill")
    codec = Codec(reader)
    assert [codec.decode(data), codec.decode(data)] == [COMMAND, COMMAND]
    assert registry.asked[1:] == ["GET /schemas/ids/100"]
    reader.close()


def test_an_id_that_nobody_knows_or_that_is_not_ours_is_a_decode_error(registry: Registry, ids: RegistryIds) -> None:
    registry.schemas.append(("other", json.dumps({"type": "record", "name": "CancelWorkflow", "fields": []})))
    registry.schemas.append(("text", '"string"'))
    for number in (100, 101, 555):
        with pytest.raises(DecodeError, match=f"Expected a known schema id, but found {number}"):
            Codec(ids).decode(b"\0" + number.to_bytes(4, "big"))


def test_a_registry_that_refuses_is_said_with_its_answer(registry: Registry) -> None:
    refusing = RegistryIds(registry.address, namespace="refused")
    with pytest.raises(RegistryError, match=r"POST /subjects/refused-.* but it answered 409: .*incompatible"):
        refusing.id_of("CancelWorkflow")
    refusing.close()


def test_a_registry_that_is_away_is_said_with_its_address() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        ids = RegistryIds(address)
        with pytest.raises(RegistryError, match=f"Expected the schema registry at {address} to answer"):
            ids.id_of("CancelWorkflow")
        ids.close()


def test_the_settings_choose_where_ids_come_from(registry: Registry) -> None:
    plain = codec_for(Settings())
    with_registry = codec_for(msgspec.structs.replace(Settings(), schema_registry=registry.address + "/"))
    assert plain.decode(plain.encode(COMMAND)) == COMMAND
    assert with_registry.decode(with_registry.encode(COMMAND)) == COMMAND
    assert int.from_bytes(with_registry.encode(COMMAND)[1:5], "big") == 100
    with_registry._ids.close()  # type: ignore[attr-defined]
