"""What a listener's function gets, which events it wants, and what follows when it fails."""

from __future__ import annotations

import msgspec
import pytest

from headrace.authoring.event import Event
from headrace.authoring.listeners import DEFAULT_RETRY, ListenerDefinition, listener
from headrace.authoring.retry import NonRetryable, Retry
from headrace.contracts.codec import DecodeError
from headrace.contracts.dispatch_events import TaskAssigned
from headrace.contracts.message import Message
from headrace.engine.expressions import ExpressionError
from headrace.shard.ports import Record
from headrace_listener.dead_letters import cut, dead_letter
from headrace_listener.listeners.matching import PublicEvent, wants
from headrace_listener.listeners.verdict import GiveUp, TryAgain, after_failure
from tests.support.schedule_events import made
from tests.unit.listener.journals import CODEC, scheduled, succeeded


def public(message: Message, value: bytes | None = None) -> PublicEvent:
    headers = [("ce_type", f"headrace.{message.type_name()}".encode()), ("ce_id", b"task.journal/0/7/0")]
    data = CODEC.encode(message) if value is None else value
    return PublicEvent(
        Record(topic="ns.task.events", partition=0, offset=3, at=5, key=b"w-1", value=data, headers=headers), CODEC
    )


def define(**options) -> ListenerDefinition:
    def tell(event: Event) -> None: ...

    return listener(**options)(tell)


def test_an_event_has_attributes_and_items() -> None:
    event = public(succeeded("w-1")).event()
    assert (event.type, event.id, event.key, event.at) == (
        "TaskSucceeded",
        "task.journal/0/7/0",
        "w-1",
        1_700_000_000_456,
    )
    assert event.workflow_id == event["workflow_id"] == event.data["workflow_id"] == "w-1"
    assert event.output == {"lines": 3}
    assert "queue" in event and event.get("no such thing") is None
    with pytest.raises(AttributeError, match="TaskSucceeded"):
        _ = event.no_such_thing


@pytest.mark.parametrize(
    ("output", "content_type", "seen"),
    [
        (b"[1]", "application/json", [1]),
        (b"", "application/json", None),
        (b"{broken", "application/json", b"{broken"),
        (b"\x00\x01", "image/png", b"\x00\x01"),
    ],
)
def test_payloads_are_json_where_they_are_json(output: bytes, content_type: str, seen: object) -> None:
    message = msgspec.structs.replace(succeeded("w-1", output=output), content_type=content_type)
    assert public(message).event().output == seen
    listening = define(where="$event.output = null or $exists($event.output)")
    wants(listening, public(message))


def test_an_assignment_has_the_fields_of_its_task() -> None:
    task = msgspec.structs.replace(scheduled("w-1"), input=b"")
    event = public(TaskAssigned(assignment=4, worker="w", session="s", task=task, shard=0, at=9)).event()
    assert (event.queue, event.task, event.worker, event.at) == ("census", "measure", "w", 9)
    assert event.scheduled_at == 1_700_000_000_123 and "input" not in event


def test_a_schedule_has_what_was_set_beside_its_other_fields() -> None:
    found = public(made())
    event = found.event()
    assert (event.schedule_id, event.name, event.cron, event.input) == ("billing", "bill", "0 0 * * *", {"month": 11})
    assert wants(define(where="$event.name = 'bill' and $event.input.month = 11"), found)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({}, True),
        ({"events": ["TaskSucceeded"]}, True),
        ({"events": ["TaskFailed"]}, False),
        ({"where": "$event.queue = 'census'"}, True),
        ({"where": "{% $event.queue = 'other' %}"}, False),
        ({"where": "$event.error = 'x'"}, False),
        ({"where": "$event.output.lines > 2"}, True),
        ({"where": "$event.data.output.lines > 2"}, True),
        ({"where": "$event.type = 'TaskSucceeded' and $event.key = 'w-1'"}, True),
        ({"where": "$event.missing"}, False),
        ({"events": ["TaskFailed"], "where": "$event.queue + 1 > 2"}, False),
    ],
)
def test_which_events_are_wanted(options: dict, wanted: bool) -> None:
    assert wants(define(**options), public(succeeded("w-1"))) is wanted


def test_what_is_not_asked_for_by_type_is_never_decoded() -> None:
    assert not wants(define(events=["TaskFailed"]), public(succeeded("w-1"), b"junk"))
    with pytest.raises(DecodeError):
        wants(define(where="$event.queue = 'census'"), public(succeeded("w-1"), b"junk"))
    with pytest.raises(ExpressionError):
        wants(define(where="$event.queue + 1 > 2"), public(succeeded("w-1")))


@pytest.mark.parametrize(
    ("retry", "error", "pauses"),
    [
        (None, ValueError(), [1_000, 2_000, 4_000, 8_000]),
        (Retry(schedule=["1s", "1m"]), ValueError(), [1_000, 60_000]),
        (Retry(schedule=["1s"], off=[ValueError]), ValueError(), []),
        (Retry(max_attempts=2, interval="5s"), ValueError(), [5_000]),
        (None, NonRetryable("no"), []),
        (Retry(max_attempts=1), ValueError(), []),
    ],
)
def test_what_follows_after_failures(retry: Retry | None, error: Exception, pauses: list[int]) -> None:
    policy = define(retry=retry).retry
    assert retry is not None or policy is DEFAULT_RETRY
    found = [after_failure(policy, error, attempt=attempt, seed="s") for attempt in range(1, len(pauses) + 2)]
    assert found == [*(TryAgain(pause) for pause in pauses), GiveUp()]


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"events": ["TaskFaild"]}, ValueError, "did you mean TaskFailed"),
        ({"events": ["CommandRejected"]}, ValueError, "public event"),
        ({"events": "TaskFailed"}, TypeError, "list of event names"),
        ({"where": "$evnt.queue"}, ValueError, "evnt"),
        ({"where": "$event.["}, ValueError, "Expected"),
        ({"name": "Not a name"}, ValueError, "name"),
        ({"start": "yesterday"}, ValueError, "earliest"),
        ({"retry": 3}, TypeError, "Retry"),
    ],
)
def test_a_listener_that_cannot_work_is_refused(options: dict, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text.replace("[", r"\[")):
        define(**options)


def test_a_listener_knows_its_topics_and_can_be_called() -> None:
    assert define(events=["TaskFailed", "WorkflowFailed"]).topics == ("task.events", "workflow.events")
    assert define().topics == ("resource.events", "task.events", "workflow.events")

    @listener
    def double(event: int) -> int:
        return event * 2

    assert double(2) == 4 and double.name == "double"


def test_a_dead_letter_keeps_the_record_and_says_why() -> None:
    letter = dead_letter(
        key=b"k",
        value=b"v",
        error="ValueError",
        reason="x" * 100,
        topic="task.events",
        partition=1,
        offset=2,
        limit_bytes=10,
        headers=[("ce_id", b"1"), ("reason", b"an older one")],
        listener="tell",
        attempts="",
    )
    headers = dict(letter.headers)
    assert headers["reason"] == b"x" * 10 + b"... (90 bytes more)"
    assert headers["ce_id"] == b"1" and headers["listener"] == b"tell" and "attempts" not in headers
    assert len(letter.headers) == len(headers)
    assert cut("äöü", 5) == "äö... (1 bytes more)" or cut("äöü", 5).startswith("äö")
