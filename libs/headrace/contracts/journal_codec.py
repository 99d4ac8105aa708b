"""Reading journal records that were written with another version of their schema.

fastavro reads a union by giving the branch's name with every item. Here the array of events is taken apart by hand, as
the Avro specification lays it out (a block count, for each item the index of its branch and the branch's body, a zero),
and fastavro reads each event against its own small schema; those that only newer code knows are dropped.
"""

from __future__ import annotations

from functools import cache
from io import BytesIO
from typing import Any

import fastavro

from headrace.contracts.journal import InputPosition, JournalRecord
from headrace.contracts.message import Message
from headrace.contracts.registry import MESSAGE_TYPES
from headrace.contracts.schemas import NAMESPACE
from headrace.contracts.wire import from_wire

_HEAD_FIELDS = ("epoch", "n", "at", "positions")


def read_journal_record(body: BytesIO, schema: Any) -> JournalRecord:
    """Return the journal record that stands at the position of `body`, written with `schema`; newer events are
    dropped.
    """
    head, members = _members(_Key(schema))
    fields: dict[str, Any] = fastavro.schemaless_reader(body, head, None)  # type: ignore[assignment]
    events: list[Message] = []
    while count := _read_long(body):
        if count < 0:  # a negative count is followed by the block's size in bytes
            count = -count
            _read_long(body)
        for _ in range(count):
            cls, member = members[_read_long(body)]
            data: dict[str, Any] = fastavro.schemaless_reader(body, member, None)  # type: ignore[assignment]
            if cls is not None:
                events.append(from_wire(cls, data))
    positions = [from_wire(InputPosition, position) for position in fields.pop("positions")]
    return JournalRecord(positions=positions, events=events, **fields)  # type: ignore[arg-type]


class _Key:
    """A parsed schema as a cache key: by identity, since the codec keeps one object per schema id."""

    __slots__ = ("schema",)

    def __init__(self, schema: Any) -> None:
        self.schema = schema

    def __hash__(self) -> int:
        return id(self.schema)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and other.schema is self.schema


@cache
def _members(key: _Key) -> tuple[Any, list[tuple[type[Message] | None, Any]]]:
    """Split a JournalRecord schema into its head and the members of its union, each ready to be used alone."""
    schema = key.schema
    named: dict[str, Any] = {}
    _collect(schema, named)
    head_fields = [field for field in schema["fields"] if field["name"] in _HEAD_FIELDS]
    head = _alone({**schema, "name": f"{NAMESPACE}.JournalRecordHead", "fields": head_fields}, named)
    (events,) = (field for field in schema["fields"] if field["name"] == "events")
    members: list[tuple[type[Message] | None, Any]] = []
    for member in events["type"]["items"]:
        full = member if isinstance(member, str) else member["name"]
        members.append((MESSAGE_TYPES.get(full.removeprefix(f"{NAMESPACE}.")), _alone(named[full], named)))
    return head, members


def _collect(node: Any, named: dict[str, Any]) -> None:
    if isinstance(node, list):
        for item in node:
            _collect(item, named)
    elif isinstance(node, dict):
        if node.get("type") == "record":
            named[node["name"]] = node
            for field in node["fields"]:
                _collect(field["type"], named)
        else:
            for key in ("type", "items", "values"):
                _collect(node.get(key), named)


def _alone(schema: Any, named: dict[str, Any]) -> Any:
    """Parse a record schema with every name that it refers to written out at its first use."""
    return fastavro.parse_schema(_inline(schema, named, set()))


def _inline(node: Any, named: dict[str, Any], seen: set[str]) -> Any:
    if isinstance(node, str):
        return _inline(named[node], named, seen) if node in named and node not in seen else node
    if isinstance(node, list):
        return [_inline(item, named, seen) for item in node]
    if node.get("type") == "record":
        if node["name"] in seen:
            return node["name"]
        seen.add(node["name"])
        fields = [{**field, "type": _inline(field["type"], named, seen)} for field in node["fields"]]
        plain = {key: value for key, value in node.items() if not key.startswith("__")}
        return {**plain, "fields": fields}
    return {key: _inline(value, named, seen) if key in ("items", "values") else value for key, value in node.items()}


def _read_long(body: BytesIO) -> int:
    shift = value = 0
    while True:
        byte = body.read(1)
        if not byte:
            raise EOFError("the record ends within a number")
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return (value >> 1) ^ -(value & 1)
        shift += 7
