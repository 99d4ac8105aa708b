"""Bytes on the wire: Avro in Confluent framing (magic byte 0, four bytes of schema id, the Avro body).

Reference: the "wire format" section of Confluent's Schema Registry documentation.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from io import BytesIO
from typing import Any, Protocol

import fastavro

from headrace.contracts.journal import JournalRecord
from headrace.contracts.journal_codec import (
    encode_event,
    read_journal_record,
    write_encoded_record,
    write_journal_record,
)
from headrace.contracts.message import Message
from headrace.contracts.registry import MESSAGE_TYPES
from headrace.contracts.release import released_schema
from headrace.contracts.schemas import NAMESPACE, parsed_schema, schema_ids
from headrace.contracts.wire import from_wire, to_wire

_FRAME = struct.Struct(">bI")
_PREFIX = f"{NAMESPACE}."


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
    """Encodes and decodes framed messages. Not tied to a topic; safe to share between threads."""

    def __init__(self, ids: SchemaIds | None = None) -> None:
        self._ids = ids or CheckedInIds()
        self._writers: dict[type[Message], tuple[bytes, Any]] = {}
        self._readers: dict[int, tuple[type[Message], Any]] = {}

    def encode(self, message: Message) -> bytes:
        """Return a message as framed bytes."""
        writer = self._writers.get(type(message))
        if writer is None:
            name = message.type_name()
            writer = self._writers[type(message)] = (_FRAME.pack(0, self._ids.id_of(name)), parsed_schema(name))
        frame, schema = writer
        out = BytesIO()
        out.write(frame)
        if isinstance(message, JournalRecord):
            write_journal_record(out, message)
        else:
            fastavro.schemaless_writer(out, schema, to_wire(message))
        return out.getvalue()

    def encode_event(self, event: Message) -> bytes:
        """Return an event as it stands within a journal record: what `encode_record` takes."""
        return encode_event(event)

    def encode_record(self, head: JournalRecord, events: Sequence[bytes]) -> bytes:
        """Return a journal record as framed bytes: the fields of `head`, whose own events are ignored, and encoded
        events.

        So the shard runtime knows the size of every event before it takes it, and no event is encoded twice.
        """
        out = BytesIO()
        out.write(_FRAME.pack(0, self._ids.id_of("JournalRecord")))
        write_encoded_record(out, head, events)
        return out.getvalue()

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
        schema_id = _FRAME.unpack_from(data)[1]
        cls, schema = self._reader(schema_id)
        body = BytesIO(data)
        body.seek(_FRAME.size)
        try:
            if cls is JournalRecord:
                return read_journal_record(body, schema)
            return from_wire(cls, fastavro.schemaless_reader(body, schema, None))  # type: ignore[arg-type]
        except (EOFError, ValueError, IndexError, KeyError, TypeError, OverflowError, MemoryError) as error:
            raise DecodeError(
                f"Expected the Avro body of a {cls.__name__}, but reading it failed: {error!r}"
            ) from error

    def _reader(self, schema_id: int) -> tuple[type[Message], Any]:
        reader = self._readers.get(schema_id)
        if reader is None:
            try:
                name, schema = self._ids.schema_of(schema_id)
                reader = self._readers[schema_id] = (MESSAGE_TYPES[name.removeprefix(_PREFIX)], schema)
            except KeyError:
                raise DecodeError(f"Expected a known schema id, but found {schema_id}") from None
        return reader
