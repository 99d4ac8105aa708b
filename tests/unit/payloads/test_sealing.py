"""Messages are sealed as wholes: everything that users gave, and nothing else."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest

from headrace.contracts.commands import CompleteTask, FailTask, StartWorkflow
from headrace.contracts.message import Message
from headrace.contracts.registry import MESSAGE_TYPES
from headrace.contracts.schedule_commands import SetSchedule
from headrace.contracts.schedule_events import ScheduleSpec
from headrace.payloads.encryption import CONTENT_TYPE, Keys, Unreadable
from headrace.payloads.reveal import revealed
from headrace.payloads.sealing import PARTS, Sealing

SEALING = Sealing(Keys({"k": b"k" * 32}, "k"))
NONE = Sealing()
OCTETS = "application/octet-stream"

# Bytes that are no data of users, each with the reason.
OTHERS = {
    ("CommandRejected", "key"): "an id",
    ("CommandForwarded", "command"): "the same",
    ("CommandHeld", "command"): "the same",
    ("Definition", "source"): "code",
    ("Definition", "options"): "code",
    ("SearchAttributesSet", "attributes"): "they are there to be searched",
    ("StepReused", "digest"): "a digest of a sealed input",
}


def start(**fields: Any) -> StartWorkflow:
    return StartWorkflow(command_id="c", workflow_id="w", issued_at=1, name="n", **fields)


@pytest.mark.parametrize(
    "message",
    [
        start(input=b'{"a":1}'),
        start(input=b"\xff\x00", content_type=OCTETS),
        start(input=b"\x01hrs no seal", content_type=OCTETS),
        FailTask(
            command_id="c",
            workflow_id="w",
            issued_at=1,
            run_id="r",
            step=1,
            attempt=1,
            assignment=1,
            worker="x",
            error="ValueError",
            cause="the card 5105 is declined",
        ),
        SetSchedule(
            command_id="c", workflow_id="s", issued_at=1, spec=ScheduleSpec(cron="* * * * *", name="n", input=b"[5105]")
        ),
    ],
    ids=lambda each: each.type_name(),
)
def test_a_sealed_message_shows_nothing_and_opens_to_what_it_was(message: Message) -> None:
    sealed = SEALING.sealed(message, "w")
    assert sealed != message
    assert b"5105" not in msgspec.msgpack.encode(sealed)
    assert SEALING.sealed(sealed, "w") == sealed
    assert SEALING.opened(sealed) == message


def test_without_keys_messages_stay_as_they_are_and_sealed_ones_are_unreadable() -> None:
    message = start(input=b"1")
    assert NONE.sealed(message, "w") is message
    assert NONE.opened(message) is message
    with pytest.raises(Unreadable, match="Expected key k in HEADRACE_PAYLOAD_KEYS, but found none"):
        NONE.opened(SEALING.sealed(message, "w"))


def test_every_field_of_bytes_of_every_message_is_sealed_or_has_a_reason_not_to_be() -> None:
    """Whoever adds a message says here what its bytes are."""
    found = {
        (kind.__name__, field.name)
        for kind in MESSAGE_TYPES.values()
        for field in msgspec.structs.fields(kind)
        if field.type is bytes and field.name not in PARTS
    }
    assert found == set(OTHERS)


def test_answers_are_revealed_wherever_something_sealed_stands() -> None:
    sealed = base64.b64encode(SEALING.sealed_data(b'{"card":5105}')).decode()
    shown = {"$content_type": CONTENT_TYPE, "$base64": sealed}
    text = SEALING.sealed_text("declined")
    answer = {"items": [{"input": shown, "content_type": CONTENT_TYPE, "cause": f"ValueError: {text}"}], "n": 3}
    found = revealed(answer, SEALING)
    expected = {"input": {"card": 5105}, "content_type": "application/json", "cause": "ValueError: declined"}
    assert found == {"items": [expected], "n": 3}
    assert revealed(answer, NONE) is answer
    assert revealed(answer, Sealing(Keys({"other": b"o" * 32}, "other"))) == answer


def test_a_result_keeps_its_content_type_within() -> None:
    command = CompleteTask(
        command_id="c",
        workflow_id="w",
        issued_at=1,
        run_id="r",
        step=1,
        attempt=1,
        assignment=1,
        worker="x",
        output=b"\x89PNG",
        content_type="image/png",
        started_at=1,
        ended_at=2,
    )
    sealed = SEALING.sealed(command, "w")
    assert sealed.content_type == CONTENT_TYPE
    assert SEALING.opened(sealed).content_type == "image/png"
