"""Messages to and from the plain dicts that fastavro takes.

Which fields hold messages is worked out once per type, so the hot path is one C call per message and per nested one.
A field that a newer writer added is dropped, and one that an older writer did not know gets its default: that is
what "compatible in both directions" means here.
"""

from __future__ import annotations

from functools import cache
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import msgspec

from headrace.contracts.message import Message
from headrace.contracts.registry import MESSAGE_TYPES
from headrace.contracts.schemas import NAMESPACE

_PREFIX = f"{NAMESPACE}."


def to_wire(message: Message) -> dict[str, Any]:
    """Return a message as the dict that fastavro writes."""
    fields = msgspec.structs.asdict(message)
    for name, kind in _nested(type(message)):
        value = fields[name]
        if value is None:
            continue
        if kind == "one":
            fields[name] = to_wire(value)
        elif kind == "many":
            fields[name] = [to_wire(item) for item in value]
        else:
            fields[name] = [(_PREFIX + type(item).__name__, to_wire(item)) for item in value]
    return fields


def from_wire(cls: type[Message], fields: dict[str, Any]) -> Message:
    """Return the message of type `cls` that a dict from fastavro stands for."""
    for name, kind in _nested(cls):
        value = fields.get(name)
        if not value:
            continue
        if kind == "one":
            fields[name] = from_wire(_element(cls, name), value)
        elif kind == "many":
            element = _element(cls, name)
            fields[name] = [from_wire(element, item) for item in value]
        else:
            fields[name] = [event for event in map(_event, value) if event is not None]
    try:
        return cls(**fields)
    except TypeError:
        known = set(cls.__struct_fields__)
        if known.issuperset(fields):
            raise
        return cls(**{name: value for name, value in fields.items() if name in known})


def _event(pair: tuple[str, dict[str, Any]]) -> Message | None:
    """Return an event of a journal record; None for a type that only newer code knows."""
    cls = MESSAGE_TYPES.get(pair[0].removeprefix(_PREFIX))
    return None if cls is None else from_wire(cls, pair[1])


@cache
def _nested(cls: type[Message]) -> tuple[tuple[str, str], ...]:
    found = []
    for name, hint in get_type_hints(cls).items():
        if name not in cls.__struct_fields__:
            continue
        element = _message_in(hint)
        if element is None:
            continue
        if get_origin(hint) is not list:
            found.append((name, "one"))
        else:
            found.append((name, "events" if element is Message else "many"))
    return tuple(found)


@cache
def _element(cls: type[Message], name: str) -> type[Message]:
    element = _message_in(get_type_hints(cls)[name])
    assert element is not None
    return element


def _message_in(hint: Any) -> type[Message] | None:
    if isinstance(hint, type) and issubclass(hint, Message):
        return hint
    if get_origin(hint) in (list, UnionType) or isinstance(hint, UnionType):
        for part in get_args(hint):
            if isinstance(part, type) and issubclass(part, Message):
                return part
    return None
