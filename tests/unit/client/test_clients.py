"""Both clients against a prepared read API: results, lists in pages, and errors in our terms."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from headrace.client.async_client import AsyncClient
from headrace.client.client import Client
from headrace.client.errors import ClientError, NoSuchWorkflow, NotReachable, ReadRefused, WorkflowFailed
from headrace.runtime.settings import Settings
from tests.support.read_api import Answer, read_api

# One thing that a client does, for both kinds.
Both = Callable[[Settings, Callable[[Any], Any]], Any]


def _sync(settings: Settings, act: Callable[[Any], Any]) -> Any:
    with Client(settings) as client:
        return act(client)


def _async(settings: Settings, act: Callable[[Any], Any]) -> Any:
    async def run() -> Any:
        async with AsyncClient(settings) as client:
            return await act(client)

    return asyncio.run(run())


@pytest.fixture(params=[_sync, _async], ids=["sync", "async"])
def both(request: pytest.FixtureRequest) -> Both:
    chosen: Both = request.param
    return chosen


def with_api(answer: Answer, both: Both, act: Callable[[Any], Any]) -> tuple[Any, list[tuple[str, dict[str, str]]]]:
    with read_api(answer) as api:
        return both(msgspec.structs.replace(Settings(), api=api.address), act), api.asked


def test_a_result_is_the_output_once_there_is_one(both: Both) -> None:
    answers = iter([{"status": "RUNNING", "attempt": 1}] * 2 + [{"status": "SUCCEEDED", "attempt": 1, "output": [5]}])
    output, asked = with_api(lambda _path, _query: (200, next(answers)), both, lambda c: c.handle("w:1").result(60))
    assert output == [5]
    assert [path for path, _ in asked] == ["/api/v1/workflows/w:1"] * 3
    assert [sorted(query) for _, query in asked] == [[], ["wait"], ["wait"]]


def test_a_read_model_that_is_behind_is_waited_for(both: Both) -> None:
    answers = iter([(504, {"title": "Behind", "detail": "lag 3 s"}), (200, {"status": "SUCCEEDED", "output": 1})])
    output, _ = with_api(lambda _path, _query: next(answers), both, lambda c: c.handle("w-1").result(60))
    assert output == 1


def test_a_failed_workflow_raises(both: Both) -> None:
    failed = {"status": "FAILED", "attempt": 1, "error": "ValueError", "cause": "no water"}
    with pytest.raises(WorkflowFailed, match="FAILED: ValueError: no water"):
        with_api(lambda _path, _query: (200, failed), both, lambda c: c.handle("w-1").result())


def test_lists_are_read_page_by_page(both: Both) -> None:
    def answer(_path: str, query: dict[str, str]) -> tuple[int, Any]:
        at = int(query.get("cursor", "0"))
        return 200, {"items": [{"id": str(at)}, {"id": str(at + 1)}], "next_cursor": str(at + 2) if at < 4 else None}

    rows, asked = with_api(answer, both, lambda c: c.list(status="RUNNING", name=None, where="x = 1", limit=5))
    assert [row["id"] for row in rows] == ["0", "1", "2", "3", "4"]
    assert asked[0] == ("/api/v1/workflows", {"status": "RUNNING", "where": "x = 1", "limit": "5"})
    assert [query.get("cursor") for _, query in asked] == [None, "2", "4"]


def test_the_history_is_read_to_its_end(both: Both) -> None:
    def answer(_path: str, query: dict[str, str]) -> tuple[int, Any]:
        return 200, {"items": [{"type": "A"}], "next_cursor": None if "cursor" in query else "next"}

    rows, asked = with_api(answer, both, lambda c: c.history("w-1", after="0:3"))
    assert len(rows) == 2
    assert asked[1] == ("/api/v1/workflows/w-1/history", {"after": "0:3", "timeout": "20", "cursor": "next"})


@pytest.mark.parametrize(
    ("status", "body", "error", "text"),
    [
        (404, {"title": "Not found"}, NoSuchWorkflow, "Expected workflow w-1, but there is no such thing"),
        (400, {"detail": "no such column"}, ReadRefused, "answered 400: no such column"),
        (504, {"detail": "2 s behind"}, NotReachable, "answered 504: 2 s behind"),
        (500, b"<html>", ClientError, "answered 500"),
        (200, b"<html>", NotReachable, "Expected JSON from the read API"),
    ],
)
def test_answers_that_are_errors(both: Both, status: int, body: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        with_api(lambda _path, _query: (status, body), both, lambda c: c.get("w-1"))


def test_nobody_there_is_said_with_the_address_and_what_to_do(both: Both) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused, and nobody else gets it
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(NotReachable, match=f"{address} to answer.*HEADRACE_API"):
            both(msgspec.structs.replace(Settings(), api=address), lambda c: c.get("w-1"))


@pytest.mark.parametrize("address", ["nonsense", "http://[", "127.0.0.1:1"])
def test_an_address_that_is_none_is_no_traceback(both: Both, address: str) -> None:
    with pytest.raises(NotReachable, match="HEADRACE_API"):
        both(msgspec.structs.replace(Settings(), api=address), lambda c: c.get("w-1"))


def test_kafka_that_is_not_there_is_said_in_bounded_time() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        kafka = f"127.0.0.1:{taken.getsockname()[1]}"
        with (
            Client(msgspec.structs.replace(Settings(), kafka=kafka), timeout_s=1) as client,
            pytest.raises(NotReachable, match=f"Expected Kafka at {kafka} to answer within 1 s.*HEADRACE_KAFKA"),
        ):
            client.start("mill")


def test_options_that_librdkafka_does_not_know_are_said() -> None:
    settings = msgspec.structs.replace(Settings(), kafka_config={"no.such.option": "1"})
    with (
        Client(settings) as client,
        pytest.raises(NotReachable, match=r"No such configuration property.*HEADRACE_KAFKA"),
    ):
        client.start("mill")
