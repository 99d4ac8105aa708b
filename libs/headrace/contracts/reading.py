"""Functions that read one type of message, compiled from its schema when they are first asked for.

What comes out is a plain Python function of one block per field: numbers and lengths of one byte are looked up in
place, texts are slices, and the message is made by one call. `source_of` shows one.

Reading is safe for any bytes. What ends too early raises `IndexError`, or leaves a position beyond the end of the data,
which whoever began to read must compare; other nonsense raises `ValueError`. No loop goes on beyond the data.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import cache
from typing import Any

from headrace.contracts.layout import Field, Run, record_name, runs_of
from headrace.contracts.message import Message
from headrace.contracts.registry import MESSAGE_TYPES
from headrace.contracts.varints import SMALL, long_at, longs_at, size_at, time_at, times_seen

Read = Callable[[bytes, int], tuple[Any, int]]
"""Returns what stands at a position, and the position after it."""

# Python passes more keywords than these through a dict, which costs more than all the rest. A larger message is made
# without naming its runs where all of them have their defaults.
_KEYWORDS = 15
_DOUBLE = struct.Struct("<d")


@cache
def reader_of(name: str) -> Read:
    """Return the function that reads a message type."""
    scope: dict[str, Any] = {"_Made": MESSAGE_TYPES[name], "_SMALL": SMALL, "_long_at": long_at, "_size_at": size_at}
    scope |= {"_double_at": _double_at, "_text_at": _text_at, "_event_at": event_at}
    scope |= {"_times_seen": times_seen, "_time_at": time_at, "_longs_at": _longs_at}
    scope |= {"_optional_at": _optional_at, "_array_at": _array_at, "_map_at": _map_at}
    for run in runs_of(name):
        for field in run.fields:
            scope |= {f"_{nested}_at": reader_of(nested) for nested in _nested(field.type)}
    exec(compile(source_of(name), f"<reads {name}>", "exec"), scope)  # noqa: S102  the source is ours
    read: Read = scope["read"]
    return read


def source_of(name: str) -> str:
    """Return the source of the function that reads a message type."""
    runs = runs_of(name)
    fields = [field.name for run in runs for field in run.fields]
    lean = len(fields) > _KEYWORDS
    lines = ["_plain = True"] if lean else []
    for run in runs:
        lines += _block(run.fields[0]) if run.constant is None else _run(run, run.constant, lean=lean)
    if lean:
        own = [run.fields[0].name for run in runs if run.constant is None]
        lines += ["if _plain:", f"    return _Made({_keywords(own)}), _p"]
    lines.append(f"return _Made({_keywords(fields)}), _p")
    return "def read(_d, _p):\n" + "".join(f"    {line}\n" for line in lines)


_event_readers: dict[int, Read] = {}
"""By the number of the branch; filled when an event of that type is first read, since most processes read few."""


def event_at(data: bytes, at: int) -> tuple[Message, int]:
    """Read an item of a journal record's array of events."""
    index, at = long_at(data, at)
    read = _event_readers.get(index)
    if read is None:
        read = _event_readers[index] = _event_reader(index)
    return read(data, at)


def _event_reader(index: int) -> Read:
    (events,) = (run.fields[0] for run in runs_of("JournalRecord") if run.fields[0].name == "events")
    branches = events.type["items"]
    if not 0 <= index < len(branches):
        raise ValueError(f"Expected the type of an event, from 0 to {len(branches) - 1}, but found {index}")
    return reader_of(str(record_name(branches[index])))


def _keywords(names: list[str]) -> str:
    return ", ".join(f"{name}={name}" for name in names)


def _run(run: Run, constant: bytes, *, lean: bool) -> list[str]:
    """Return the lines that read a run."""
    size = len(constant)
    found = f"_d[_p] == {constant[0]}" if size == 1 else f"_d[_p : _p + {size}] == {constant!r}"
    lines = [f"if {found}:", f"    _p += {size}"]
    lines += [f"    {field.name} = {field.default!r}" for field in run.fields]
    lines += ["else:", *(["    _plain = False"] if lean else [])]
    lines += [f"    {line}" for field in run.fields for line in _block(field)]
    return lines


def _block(field: Field) -> list[str]:
    """Return the lines that read a field."""
    name = field.name
    match field.type:
        case "string" | "bytes":
            value = "_d[_s:_p].decode()" if field.type == "string" else "_d[_s:_p]"
            # A length of one byte, even and below 128, is none of the rarer cases: long, or negative.
            return [
                "_n = _d[_p]",
                "if _n & 129:",
                "    _s, _p = _size_at(_d, _p)",
                "else:",
                "    _s = _p + 1",
                "    _p = _s + (_n >> 1)",
                f"{name} = {value}",
            ]
        case "long" if field.is_time:
            lines = [f"{name} = _times_seen.get(_d[_p : _p + 6])", f"if {name} is not None:", "    _p += 6", "else:"]
            return [*lines, f"    {name}, _p = _time_at(_d, _p)"]
        case "int" | "long":
            lines = [f"{name} = _d[_p]", f"if {name} < 128:", f"    {name} = _SMALL[{name}]", "    _p += 1", "else:"]
            return [*lines, f"    {name}, _p = _long_at(_d, _p)"]
    return [f"{name}, _p = {_call(field.type)}"]


def _call(schema: Any) -> str:
    match schema:
        case "boolean":
            return "_d[_p] != 0, _p + 1"
        case "double":
            return "_double_at(_d, _p)"
        case ["null", other]:
            return f"_optional_at(_d, _p, _{record_name(other)}_at)"
        case {"type": "array", "items": "int" | "long"}:
            return "_longs_at(_d, _p)"
        case {"type": "array", "items": items}:
            return f"_array_at(_d, _p, {_item(items)})"
        case {"type": "map", "values": values}:
            return f"_map_at(_d, _p, {_item(values)})"
    return f"_{record_name(schema)}_at(_d, _p)"


def _item(schema: Any) -> str:
    match schema:
        case "string":
            return "_text_at"
        case "int" | "long":
            return "_long_at"
        case list():
            return "_event_at"
    return f"_{record_name(schema)}_at"


def _nested(schema: Any) -> list[str]:
    """Return the message types within a field, but for the events of a journal record, which are looked up."""
    match schema:
        case ["null", other] | {"type": "array", "items": str() as other}:
            schema = other
    name = record_name(schema)
    return [] if name is None else [name]


def _optional_at(data: bytes, at: int, read: Read) -> tuple[Any, int]:
    if data[at] == 0:
        return None, at + 1
    if data[at] != 2:  # the zigzag of branch 1
        raise ValueError(f"Expected branch 0 or 1, but found {data[at]}")
    return read(data, at + 1)


def _text_at(data: bytes, at: int) -> tuple[str, int]:
    start, end = size_at(data, at)
    return data[start:end].decode(), end


def _double_at(data: bytes, at: int) -> tuple[float, int]:
    if at + _DOUBLE.size > len(data):
        raise IndexError("the data ends within a double")
    return _DOUBLE.unpack_from(data, at)[0], at + _DOUBLE.size


def _array_at(data: bytes, at: int, read: Read) -> tuple[list[Any], int]:
    items: list[Any] = []
    while True:
        count, at = _block_at(data, at)
        if not count:
            return items, at
        for _ in range(count):
            item, at = read(data, at)
            items.append(item)


def _longs_at(data: bytes, at: int) -> tuple[list[int], int]:
    numbers: list[int] = []
    while True:
        count, at = _block_at(data, at)
        if not count:
            return numbers, at
        some, at = longs_at(data, at, count)
        numbers += some


def _block_at(data: bytes, at: int) -> tuple[int, int]:
    """Read how many items the next block of an array has; a negative count is followed by the block's size in bytes."""
    count, at = long_at(data, at)
    if count >= 0:
        return count, at
    _, at = long_at(data, at)
    return -count, at


def _map_at(data: bytes, at: int, read: Read) -> tuple[dict[str, Any], int]:
    def entry(data: bytes, at: int) -> tuple[tuple[str, Any], int]:
        key, at = _text_at(data, at)
        value, at = read(data, at)
        return (key, value), at

    entries, at = _array_at(data, at, entry)
    return dict(entries), at
