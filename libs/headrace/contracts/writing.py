"""Functions that write one type of message, compiled from its schema when they are first asked for.

What comes out is a plain Python function of one piece per field, and one join. What it writes is Avro, byte for byte; a
test holds all of them against fastavro, and `source_of` shows one.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import msgspec

from headrace.contracts.journal import JournalRecord
from headrace.contracts.layout import Field, record_name, runs_of
from headrace.contracts.message import Message
from headrace.contracts.registry import MESSAGE_TYPES
from headrace.contracts.varints import NUMBERS, TIMES, longs

Write = Callable[[bytes, Any], bytes]
"""Returns the bytes that are to stand before a message, and its Avro body."""

_pack_double = struct.Struct("<d").pack


@cache
def writer_of(name: str) -> Write:
    """Return the function that writes a message type."""
    scope: dict[str, Any] = {
        "_NUMBERS": NUMBERS,
        "_TIMES": TIMES,
        "_double": _pack_double,
        "_array": _array,
        "_map": _map,
    }
    scope |= {"_text": _text, "_number": NUMBERS.__getitem__, "_event": write_event, "_longs": _longs}
    for run in runs_of(name):
        for field in run.fields:
            scope |= {f"_write_{nested}": writer_of(nested) for nested in _nested(field.type)}
    exec(compile(source_of(name), f"<writes {name}>", "exec"), scope)  # noqa: S102  the source is ours
    write: Write = scope["write"]
    return write


def source_of(name: str) -> str:
    """Return the source of the function that writes a message type."""
    lines, parts = [], ["_before"]
    for number, run in enumerate(runs_of(name)):
        if run.constant is None:
            before, pieces = _piece(run.fields[0])
            lines += before
            parts += pieces
            continue
        lines.append(f"if {' and '.join(map(_is_default, run.fields))}:")
        lines.append(f"    _run{number} = {run.constant!r}")
        lines.append("else:")
        inner = []
        for field in run.fields:
            before, pieces = _piece(field)
            lines += [f"    {line}" for line in before]
            inner += pieces
        lines.append(f"    _run{number} = b''.join(({', '.join(inner)},))")
        parts.append(f"_run{number}")
    body = [*lines, f"return b''.join(({', '.join(parts)},))"]
    return "def write(_before, _m):\n" + "".join(f"    {line}\n" for line in body)


def write_event(event: Message) -> bytes:
    """Return an event as an item of a journal record's array: the index of its branch, and its Avro body."""
    prefix, write = _branch(type(event))
    return write(prefix, event)


def write_record(before: bytes, head: JournalRecord, events: Sequence[bytes]) -> bytes:
    """Return a journal record of the fields of `head` and of events that `write_event` wrote; its own are ignored."""
    empty = writer_of("JournalRecord")(before, msgspec.structs.replace(head, events=[]) if head.events else head)
    # An empty array, the last field, is one zero; the others have a count, the items, and a zero.
    return b"".join((empty[:-1], NUMBERS[len(events)], *events, b"\0")) if events else empty


@cache
def _branch(cls: type[Message]) -> tuple[bytes, Write]:
    (events,) = (run.fields[0] for run in runs_of("JournalRecord") if run.fields[0].name == "events")
    name = cls.type_name()
    index = [record_name(branch) for branch in events.type["items"]].index(name)
    return NUMBERS[index], writer_of(name)


def _piece(field: Field) -> tuple[list[str], list[str]]:
    """Return the lines that prepare a field, and the expressions of its bytes."""
    name = field.name
    match field.type:
        case "string":
            return [f"{name} = _m.{name}.encode()"], [f"_NUMBERS[len({name})]", name]
        case "bytes":
            return [f"{name} = _m.{name}"], [f"_NUMBERS[len({name})]", name]
        case "long" if field.is_time:
            return [], [f"_TIMES[_m.{name}]"]
        case "int" | "long":
            return [], [f"_NUMBERS[_m.{name}]"]
        case "boolean":
            return [], [f"b'\\1' if _m.{name} else b'\\0'"]
        case "double":
            return [], [f"_double(_m.{name})"]
        case ["null", nested]:
            return [], [f"b'\\0' if _m.{name} is None else _write_{record_name(nested)}(b'\\2', _m.{name})"]
        case {"type": "array", "items": "int" | "long"}:
            return [], [f"_longs(_m.{name})"]
        case {"type": "array", "items": items}:
            return [], [f"_array(_m.{name}, {_item(items)})"]
        case {"type": "map", "values": values}:
            return [], [f"_map(_m.{name}, {_item(values)})"]
    nested = record_name(field.type)
    assert nested is not None, f"Expected a type that messages of ours have, but {name} is {field.type!r}"
    return [], [f"_write_{nested}(b'', _m.{name})"]


def _item(schema: Any) -> str:
    match schema:
        case "string":
            return "_text"
        case "int" | "long":
            return "_number"
        case list():
            return "_event"
    return f"lambda item: _write_{record_name(schema)}(b'', item)"


def _nested(schema: Any) -> list[str]:
    """Return the message types within a field, but for the events of a journal record, which are looked up."""
    match schema:
        case ["null", other] | {"type": "array", "items": str() as other}:
            schema = other
    name = record_name(schema)
    return [name] if name in MESSAGE_TYPES else []


def _is_default(field: Field) -> str:
    if field.default is None:
        return f"_m.{field.name} is None"
    return f"_m.{field.name} == {field.default!r}" if field.default else f"not _m.{field.name}"


def _text(value: str) -> bytes:
    data = value.encode()
    return NUMBERS[len(data)] + data


def _array(items: Sequence[Any], write: Callable[[Any], bytes]) -> bytes:
    if not items:
        return b"\0"
    return b"".join((NUMBERS[len(items)], *map(write, items), b"\0"))


def _longs(numbers: Sequence[int]) -> bytes:
    return b"".join((NUMBERS[len(numbers)], longs(numbers), b"\0")) if numbers else b"\0"


def _map(items: dict[str, Any], write: Callable[[Any], bytes]) -> bytes:
    return _array(list(items.items()), lambda item: _text(item[0]) + write(item[1]))
