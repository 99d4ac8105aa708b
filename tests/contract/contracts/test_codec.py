"""Bytes on the wire: both ways for every type, what is compiled from the schemas against fastavro's own reader and
writer, and refusal of anything else.
"""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO
from typing import Any

import fastavro
import pytest
from fastavro.utils import generate_many, generate_one
from hypothesis import example, given, settings
from hypothesis import strategies as st

from headrace.contracts.codec import Codec, DecodeError
from headrace.contracts.commands import CancelWorkflow
from headrace.contracts.events import ALL_EVENTS
from headrace.contracts.journal import InputPosition, JournalRecord
from headrace.contracts.journal_codec import read_journal_record
from headrace.contracts.message import Message
from headrace.contracts.reading import reader_of
from headrace.contracts.registry import MESSAGE_TYPES
from headrace.contracts.schemas import NAMESPACE, parsed_schema, raw_schemas, schema_ids, self_contained
from headrace.contracts.wire import from_wire, to_wire
from headrace.contracts.writing import write_event, write_record, writer_of

CODEC = Codec()
SINGLE = sorted(set(MESSAGE_TYPES) - {"JournalRecord"})


def generated(name: str) -> Message:
    record: dict[str, Any] = generate_one(parsed_schema(name))
    return from_wire(MESSAGE_TYPES[name], record)


def a_journal_record(events: list[Message]) -> JournalRecord:
    positions = [InputPosition(topic="workflow.commands", partition=2, offset=-1, epoch=7, n=2**40)]
    return JournalRecord(epoch=2**62, n=-1, at=1_700_000_000_000, positions=positions, events=events)


@pytest.mark.parametrize("name", SINGLE)
def test_every_message_comes_back_as_it_was(name: str) -> None:
    message = generated(name)
    assert CODEC.decode(CODEC.encode(message)) == message


@pytest.mark.parametrize("name", SINGLE)
def test_any_avro_reader_can_read_the_body(name: str) -> None:
    message = generated(name)
    data = CODEC.encode(message)
    assert data[:1] == b"\0"
    assert int.from_bytes(data[1:5], "big") in schema_ids()[name].values()
    read = fastavro.schemaless_reader(BytesIO(data[5:]), fastavro.parse_schema(self_contained(name)), None)
    assert read == to_wire(message)


def as_fastavro_writes(message: Message) -> bytes:
    out = BytesIO()
    fastavro.schemaless_writer(out, parsed_schema(message.type_name()), to_wire(message))
    return out.getvalue()


@pytest.mark.parametrize("event", [event.type_name() for event in ALL_EVENTS])
def test_a_journal_record_of_every_event_is_written_as_fastavro_writes_it(event: str) -> None:
    record = a_journal_record([generated(event), generated(event)])
    assert write_record(b"", record, [write_event(each) for each in record.events]) == as_fastavro_writes(record)


_NUMBERS = st.one_of(
    st.integers(-70, 70),
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from([sign * 2**bits - low for bits in range(6, 63) for sign in (1, -1) for low in (0, 1)]),
    st.integers(1_700_000_000_000, 1_900_000_000_000),
)
_TEXTS = st.one_of(
    st.text(max_size=5), st.sampled_from(["", "a" * 63, "a" * 64, "é" * 40, "application/json", "x" * 9000])
)


def values(schema: Any) -> st.SearchStrategy[Any]:
    """Return values for a field's schema, with those at which the encoding changes its length among them."""
    match schema:
        case "string":
            return _TEXTS
        case "bytes":
            return _TEXTS.map(str.encode)
        case "int":
            return _NUMBERS.map(lambda number: (number + 2**31) % 2**32 - 2**31)
        case "long":
            return _NUMBERS
        case "boolean":
            return st.booleans()
        case "double":
            return st.floats(allow_nan=False)
        case ["null", other]:
            return st.none() | values(other)
        case {"type": "array", "items": [*_]}:
            return st.lists(st.sampled_from(ALL_EVENTS).flatmap(lambda event: messages(event.type_name())), max_size=2)
        case {"type": "array", "items": items}:
            return st.lists(values(items), max_size=3)
        case {"type": "map", "values": items}:
            return st.dictionaries(_TEXTS, values(items), max_size=3)
    return messages(schema.removeprefix(f"{NAMESPACE}."))


def messages(name: str) -> st.SearchStrategy[Message]:
    """Return messages of a type; each field is left out, where it has a default, as often as not."""
    fields = raw_schemas()[f"{NAMESPACE}.{name}"]["fields"]
    required = {field["name"]: values(field["type"]) for field in fields if "default" not in field}
    optional = {field["name"]: values(field["type"]) for field in fields if "default" in field}
    return st.fixed_dictionaries(required, optional=optional).map(lambda found: MESSAGE_TYPES[name](**found))


@pytest.mark.parametrize("name", sorted(MESSAGE_TYPES))
@given(data=st.data())
@settings(max_examples=40)
def test_every_message_is_written_and_read_as_fastavro_does_it(name: str, data: st.DataObject) -> None:
    message = data.draw(messages(name))
    body = as_fastavro_writes(message)
    assert writer_of(name)(b"", message) == body
    assert reader_of(name)(b"before" + body + b"after", 6) == (message, 6 + len(body))


def test_older_journal_records_are_read_as_fastavro_writes_them() -> None:
    schema = parsed_schema("JournalRecord")
    for fields in generate_many(schema, 20):
        out = BytesIO()
        # fastavro's generator gives bare dicts for union branches; which branch they fit is fastavro's own guess.
        fastavro.schemaless_writer(out, schema, fields)
        out.seek(0)
        theirs: Any = fastavro.schemaless_reader(
            out, schema, None, return_record_name=True, return_record_name_override=True
        )
        out.seek(0)
        assert read_journal_record(out, schema) == from_wire(JournalRecord, theirs)


@given(st.lists(st.sampled_from(ALL_EVENTS), max_size=12))
def test_a_journal_record_of_any_events_comes_back_as_it_was(events: list[type[Message]]) -> None:
    record = a_journal_record([generated(event.type_name()) for event in events])
    assert CODEC.decode(CODEC.encode(record)) == record


def test_blocks_with_a_size_in_front_are_read_too() -> None:
    """Avro lets a writer give an array's block a negative count and its size in bytes, as some writers in other
    languages do.
    """
    record = a_journal_record([CANCELLED, CANCELLED])
    plain = as_fastavro_writes(record)
    start = len(as_fastavro_writes(a_journal_record([]))) - 1  # without the zero that ends an empty array
    events = plain[start + 1 : -1]  # without the count (one byte) and the ending zero
    size = BytesIO()
    fastavro.schemaless_writer(size, {"type": "long"}, len(events))
    other = plain[:start] + b"\x03" + size.getvalue() + events + b"\0"
    assert read_journal_record(BytesIO(other), parsed_schema("JournalRecord")) == record
    assert reader_of("JournalRecord")(other, 0) == (record, len(other))


CANCELLED = generated("WorkflowCancelled")


def test_events_that_only_newer_code_knows_are_dropped() -> None:
    newer = self_contained("JournalRecord")
    (events,) = (field for field in newer["fields"] if field["name"] == "events")
    added = {
        "type": "record",
        "name": "FromTheFuture",
        "namespace": "headrace.v1",
        "fields": [{"name": "x", "type": "string"}],
    }
    events["type"]["items"].append(added)
    schema = fastavro.parse_schema(newer)
    known = ("headrace.v1.WorkflowCancelled", to_wire(CANCELLED))
    fields = {**to_wire(a_journal_record([])), "events": [("headrace.v1.FromTheFuture", {"x": "?"}), known]}
    out = BytesIO()
    fastavro.schemaless_writer(out, schema, fields)
    out.seek(0)
    assert read_journal_record(out, schema).events == [CANCELLED]


class OtherIds:
    """Schema ids of which one stands for another version of a schema."""

    def __init__(self, name: str, schema: Any) -> None:
        self._name, self._schema = name, schema

    def id_of(self, name: str) -> int:
        raise AssertionError(f"nothing is written here, not even a {name}")

    def schema_of(self, schema_id: int) -> tuple[str, Any]:
        return self._name, fastavro.parse_schema(self._schema)


def test_a_message_that_was_written_with_another_version_is_read() -> None:
    other = self_contained("CancelWorkflow")
    # A newer writer knows one field more, and does not know one that we have a default for.
    fields = [field for field in other["fields"] if field["name"] != "reason"]
    schema = {**other, "fields": [{"name": "added", "type": "long"}, *fields]}
    command = CancelWorkflow(command_id="c", workflow_id="w", issued_at=1)
    out = BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), {**to_wire(command), "added": 7})
    assert Codec(OtherIds("CancelWorkflow", schema)).decode(b"\0\0\0\0\1" + out.getvalue()) == command


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (None, "found no value"),
        (b"", "found 0 bytes that begin with nothing"),
        (b"\0\0\0", "found 3 bytes that begin with 00 00 00"),
        (b'{"id": 1}', "found 9 bytes that begin with 7b 22 69 64 22"),
        (b"\0\xff\xff\xff\xff", "Expected a known schema id, but found 4294967295"),
    ],
)
def test_what_is_no_frame_of_ours_is_refused_with_what_was_found(data: bytes | None, text: str) -> None:
    with pytest.raises(DecodeError, match=text):
        CODEC.decode(data)


@pytest.mark.parametrize("name", sorted(MESSAGE_TYPES))
def test_a_message_that_was_cut_is_refused(name: str) -> None:
    message = a_journal_record([CANCELLED]) if name == "JournalRecord" else generated(name)
    data = CODEC.encode(message)
    for end in range(5, len(data), max(1, len(data) // 40)):
        with pytest.raises(DecodeError, match=f"Expected the Avro body of a {name}"):
            CODEC.decode(data[:end])


IDS = sorted(number for versions in schema_ids().values() for number in versions.values())


@given(st.sampled_from(IDS), st.binary(max_size=200))
@example(schema_ids()["CancelWorkflow"][1], b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f")  # a string of 2**62 bytes
@example(schema_ids()["JournalRecord"][1], b"\0\0\0\0\x02\xff\x7f")  # an event of a type that there is not
@example(schema_ids()["JournalRecord"][1], b"\0\0\0\0\x02\x01")  # branch -1
def test_random_bodies_are_messages_or_decode_errors_and_nothing_else(schema_id: int, body: bytes) -> None:
    try:
        message = CODEC.decode(b"\0" + schema_id.to_bytes(4, "big") + body)
    except DecodeError:
        return
    assert isinstance(message, Message)


@given(st.binary(max_size=100))
def test_random_bytes_are_never_anything_but_a_decode_error_or_a_message(data: bytes) -> None:
    with suppress(DecodeError):
        assert isinstance(CODEC.decode(data), Message)


def test_text_that_is_no_utf8_is_refused() -> None:
    data = CODEC.encode(CancelWorkflow(command_id="abcd", workflow_id="w", issued_at=1))
    with pytest.raises(DecodeError):
        CODEC.decode(data.replace(b"abcd", b"\xff\xfe\xfd\xfc"))
