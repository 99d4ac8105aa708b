"""What both clients send to workflows that run, on a real Kafka with a prepared read API."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from headrace.client.async_client import AsyncClient
from headrace.client.client import Client
from headrace.client.errors import CommandRefused, InvalidStart, NotReachable
from headrace.contracts.callback_tokens import SIGNATURE_BYTES, CallbackStep, write_token
from headrace.contracts.codec import Codec
from headrace.contracts.commands import CancelWorkflow, TerminateWorkflow
from headrace.contracts.control_commands import MigrateWorkflow, PauseWorkflow, ResumeWorkflow, RetryWorkflow
from headrace.contracts.message import Message
from headrace.contracts.partition import shard_of
from headrace.contracts.topics import WORKFLOW_COMMANDS
from headrace.contracts.wait_commands import CompleteCallback, FailCallback, HeartbeatCallback, SignalWorkflow
from headrace.runtime.settings import Settings
from headrace.shard.topics import ensure_topics
from tests.component.client.test_publishing import records
from tests.support.read_api import read_api

TOKEN = write_token(CallbackStep(workflow_id="w-1", run_id="0-7", step=3), bytes(SIGNATURE_BYTES))
# What a test does with a client, as calls whose results it wants.
Calls = Callable[[Any], list[Any]]


@dataclasses.dataclass
class Parcel:
    weight: int


def _sync(settings: Settings, calls: Calls) -> list[str]:
    with Client(settings) as client:
        return calls(client)


def _async(settings: Settings, calls: Calls) -> list[str]:
    async def run() -> list[str]:
        async with AsyncClient(settings) as client:
            return [await call for call in calls(client)]

    return asyncio.run(run())


@pytest.fixture(params=[_sync, _async], ids=["sync", "async"])
def run(request: pytest.FixtureRequest) -> Callable[[Settings, Calls], list[str]]:
    chosen: Callable[[Settings, Calls], list[str]] = request.param
    return chosen


def every_command(client: Any) -> list[Any]:
    handle = client.handle("w-1")
    return [
        handle.signal("paid", Parcel(weight=3), command_id="once"),
        handle.cancel("enough"),
        handle.terminate("now"),
        handle.pause("lunch"),
        handle.resume(),
        handle.retry(from_task="grind", input=[1], version="v2"),
        handle.retry(),
        handle.migrate("v2", dry_run=True),
        client.complete(TOKEN, b"\x00", content_type="application/octet-stream"),
        client.fail(TOKEN, "Rejected", "no"),
        client.heartbeat(TOKEN),
    ]


def test_every_command_stands_where_it_says(settings: Settings, run: Callable[[Settings, Calls], list[str]]) -> None:
    ensure_topics(settings)
    positions = run(settings, every_command)
    found = records(settings, WORKFLOW_COMMANDS)
    assert [f"{each.partition()}:{each.offset()}" for each in found] == positions
    assert {each.partition() for each in found} == {shard_of("w-1", settings.decision_shards)}
    head: dict[str, Any] = {"workflow_id": "w-1", "command_id": "c", "issued_at": 1}
    sent: list[Message] = []
    for each in found:
        command = Codec().decode(each.value())
        assert isinstance(command, Message)
        sent.append(msgspec.structs.replace(command, command_id="c", issued_at=1))
    assert sent == [
        SignalWorkflow(**head, name="paid", data=b'{"weight":3}'),
        CancelWorkflow(**head, reason="enough"),
        TerminateWorkflow(**head, reason="now"),
        PauseWorkflow(**head, reason="lunch"),
        ResumeWorkflow(**head),
        RetryWorkflow(**head, from_task="grind", input=b"[1]", version="v2"),
        RetryWorkflow(**head),
        MigrateWorkflow(**head, version="v2", dry_run=True),
        CompleteCallback(**head, token=TOKEN, output=b"\x00", content_type="application/octet-stream"),
        FailCallback(**head, token=TOKEN, error="Rejected", cause="no"),
        HeartbeatCallback(**head, token=TOKEN),
    ]
    first = Codec().decode(found[0].value())
    assert isinstance(first, SignalWorkflow)
    assert first.command_id == "once"


def test_a_refusal_is_raised_where_it_is_waited_for(
    settings: Settings, run: Callable[[Settings, Calls], list[str]]
) -> None:
    ensure_topics(settings)
    refused = {"status": "REFUSED", "command": "SignalWorkflow", "error": "headrace.NotRunning", "cause": "it ended"}
    with read_api(lambda _path, _query: (200, refused)) as api:
        known = msgspec.structs.replace(settings, api=api.address)
        run(known, lambda client: [client.signal("w-1", "go")])
        assert api.asked == []
        with pytest.raises(
            CommandRefused, match=r"w-1 to take SignalWorkflow.*headrace.NotRunning: it ended"
        ) as caught:
            run(known, lambda client: [client.signal("w-1", "go", command_id="c/1", wait=True)])
    assert (caught.value.error, caught.value.workflow_id) == ("headrace.NotRunning", "w-1")
    ((path, query),) = api.asked
    assert (path, set(query)) == ("/api/v1/commands/c/1", {"after", "timeout"})


def test_what_was_accepted_or_cannot_be_seen(settings: Settings, run: Callable[[Settings, Calls], list[str]]) -> None:
    ensure_topics(settings)
    answers: list[tuple[int, Any]] = [(200, {"id": "c", "status": "ACCEPTED"}), (504, {"detail": "3 s behind"})]
    with read_api(lambda _path, _query: answers.pop(0)) as api:
        known = msgspec.structs.replace(settings, api=api.address)
        assert len(run(known, lambda client: [client.pause("w-1", wait=True)])) == 1
        with pytest.raises(NotReachable, match="3 s behind"):
            run(known, lambda client: [client.pause("w-1", wait=True)])


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda client: [client.signal("a b", "go")], "a workflow id"),
        (lambda client: [client.signal("w-1", "")], "the name of a signal"),
        (lambda client: [client.signal("w-1", "a\nb")], "the name of a signal"),
        (lambda client: [client.signal("w-1", "go", object())], "JSON can hold"),
        (lambda client: [client.signal("w-1", "go", "x" * 2_000_000)], "HEADRACE_PAYLOAD_LIMIT_BYTES"),
        (lambda client: [client.complete("no token")], "the token of a callback"),
        (lambda client: [client.complete(TOKEN[:-1])], "the token of a callback"),
        (lambda client: [client.fail(TOKEN, "")], "the name of an error"),
        (lambda client: [client.heartbeat("")], "the token of a callback"),
    ],
)
def test_what_does_not_fit_is_refused_before_it_is_sent(
    run: Callable[[Settings, Calls], list[str]], call: Calls, text: str
) -> None:
    with pytest.raises(InvalidStart, match=text):
        run(Settings(blobs="off"), call)
