"""Bytes on the wire: Avro in Confluent framing (magic byte 0, four bytes of schema id, the Avro body).

Reference: the "wire format" section of Confluent's Schema Registry documentation.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from io import BytesIO
from typing import Any, Protocol

import fastavro
from fastavro.schema import to_parsing_canonical_form

from headrace.contracts.journal import JournalRecord
from headrace.contracts.journal_codec import read_journal_record
from headrace.contracts.message import Message
from headrace.contracts.reading import Read, reader_of
from headrace.contracts.registry import MESSAGE_TYPES
from headrace.contracts.release import released_schema
from headrace.contracts.schemas import NAMESPACE, parsed_schema, schema_ids
from headrace.contracts.wire import from_wire
from headrace.contracts.writing import Write, write_event, write_record, writer_of

_FRAME = struct.Struct(">bI")
_PREFIX = f"{NAMESPACE}."
# What reading makes of bytes that are none of ours.
_UNREADABLE = (EOFError, ValueError, IndexError, KeyError, TypeError, OverflowError, MemoryError)


class DecodeError(ValueError):
    """Bytes that are no message of ours; the text says what was expected and what was found."""


class SchemaIds(Protocol):
    """Where schema ids come from: the checked-in file, or a schema registry."""

    def id_of(self, name: str) -> int:
        """Return the id under which messages of this type are written."""

    def schema_of(self, schema_id: int) -> tuple[str, Any]:
        """Return the message type and the parsed schema that an id stands for; KeyError when nobody knows it."""


class CheckedInIds:
    """Ids from `schemas/ids.json`: the highest version of a schema is the one that is written."""

    def __init__(self) -> None:
        self._ids = {name: versions[max(versions)] for name, versions in schema_ids().items()}
        self._versions = {
            number: (name, version) for name, versions in schema_ids().items() for version, number in versions.items()
        }

    def id_of(self, name: str) -> int:
        """Return the id under which messages of this type are written."""
        return self._ids[name]

    def schema_of(self, schema_id: int) -> tuple[str, Any]:
        """Return the message type and the parsed schema that an id stands for, an older version's as it was
        released.
        """
        name, version = self._versions[schema_id]
        if self._ids[name] == schema_id:
            return name, parsed_schema(name)
        return name, fastavro.parse_schema(released_schema(name, version))


class Codec:
    """Encodes and decodes framed messages. Not tied to a topic; safe to share between threads.

    Messages of the current schemas are written and read by compiled functions (`headrace.contracts.writing`,
    `reading`); what was written with another version is read by fastavro.
    """

    def __init__(self, ids: SchemaIds | None = None) -> None:
        self._ids = ids or CheckedInIds()
        self._writers: dict[type[Message], tuple[bytes, Write]] = {}
        self._readers: dict[int, tuple[type[Message], Read]] = {}

    def encode(self, message: Message) -> bytes:
        """Return a message as framed bytes."""
        frame, write = self._writer(type(message))
        return write(frame, message)

    def encode_event(self, event: Message) -> bytes:
        """Return an event as it stands within a journal record: what `encode_record` takes."""
        return write_event(event)

    def encode_record(self, head: JournalRecord, events: Sequence[bytes]) -> bytes:
        """Return a journal record as framed bytes: the fields of `head`, whose own events are ignored, and encoded
        events.

        So the shard runtime knows the size of every event before it takes it, and no event is encoded twice.
        """
        frame, _ = self._writer(JournalRecord)
        return write_record(frame, head, events)

    def decode(self, data: bytes | None) -> Message:
        """Return the message that framed bytes stand for.

        Raises:
            DecodeError: the bytes are not framed, name an unknown schema, or do not fit it.
        """
        if data is None or len(data) < _FRAME.size or data[0] != 0:
            found = (
                "no value"
                if data is None
                else f"{len(data)} bytes that begin with {bytes(data[:5]).hex(' ') or 'nothing'}"
            )
            raise DecodeError(f"Expected Confluent framing (byte 0, 4-byte schema id, Avro body), but found {found}")
        cls, read = self._reader(int.from_bytes(data[1:5], "big"))
        try:
            message, end = read(data, _FRAME.size)
        except _UNREADABLE as error:
            raise DecodeError(
                f"Expected the Avro body of a {cls.__name__}, but reading it failed: {error!r}"
            ) from error
        if end > len(data):
            raise DecodeError(f"Expected the Avro body of a {cls.__name__}, but {end - len(data)} bytes are missing")
        assert isinstance(message, Message)
        return message

    def _writer(self, cls: type[Message]) -> tuple[bytes, Write]:
        writer = self._writers.get(cls)
        if writer is None:
            name = cls.type_name()
            writer = self._writers[cls] = (_FRAME.pack(0, self._ids.id_of(name)), writer_of(name))
        return writer

    def _reader(self, schema_id: int) -> tuple[type[Message], Read]:
        reader = self._readers.get(schema_id)
        if reader is None:
            try:
                name, schema = self._ids.schema_of(schema_id)
            except KeyError:
                raise DecodeError(f"Expected a known schema id, but found {schema_id}") from None
            name = name.removeprefix(_PREFIX)
            cls = MESSAGE_TYPES[name]
            reader = self._readers[schema_id] = (
                cls,
                reader_of(name) if _is_current(name, schema) else _other(cls, schema),
            )
        return reader


def _is_current(name: str, schema: Any) -> bool:
    """Tell whether a schema lays a message out as the current one does; its docs and defaults may differ."""
    return to_parsing_canonical_form(schema) == to_parsing_canonical_form(parsed_schema(name))


def _other(cls: type[Message], schema: Any) -> Read:
    """Return what reads messages that were written with another version of a schema."""

    def read(data: bytes, at: int) -> tuple[Message, int]:
        body = BytesIO(data)
        body.seek(at)
        if cls is JournalRecord:
            return read_journal_record(body, schema), body.tell()
        fields: dict[str, Any] = fastavro.schemaless_reader(body, schema, None)  # type: ignore[assignment]
        return from_wire(cls, fields), body.tell()

    return read
