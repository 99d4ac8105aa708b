"""Values to payloads and back, for workflows in Python.

A call with keywords only is a JSON object, a call with one value that is no object is that value: both read as
anybody would write them. Any other call has a content type of its own, so that a single dict is not taken for keywords.
"""

from __future__ import annotations

from typing import Any

import msgspec

from headrace.payloads import converters as payloads
from headrace.payloads.large import CONTENT_TYPE as BLOB
from headrace.payloads.large import MARK, with_large_values
from headrace.payloads.signatures import converted_result

JSON = "application/json"
CALL = "application/vnd.headrace.call+json"


def to_json(value: Any) -> bytes:
    """Return a value as JSON. Raises `TypeError` for what JSON cannot hold."""
    return payloads.to_json(value)


def from_payload(data: bytes, content_type: str = JSON) -> Any:
    """Return the value of a payload; bytes of another content type stay bytes, and what is kept by reference is a
    `LargeValue`.
    """
    if content_type in (JSON, CALL, BLOB):
        value = msgspec.json.decode(data)
        return with_large_values(value) if MARK in data else value
    return data


def typed_payload(data: bytes, content_type: str, wanted: Any) -> Any:
    """Return the value of a payload as a type; as it is where that is Any, or where nobody knows how to make it.

    Raises:
        Mismatch: it does not fit.
    """
    value = from_payload(data, content_type)
    return value if wanted is Any else converted_result(value, wanted)


def arguments_payload(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[bytes, str]:
    """Return the payload of a task call and its content type."""
    if not args and kwargs:
        return to_json(kwargs), JSON
    if not kwargs and len(args) == 1 and not isinstance(args[0], dict):
        encoded = to_json(args[0])
        # A dataclass becomes an object too: it must stay one argument.
        if not encoded.startswith(b"{"):
            return encoded, JSON
    if not args and not kwargs:
        return b"{}", JSON
    return to_json({"args": args, "kwargs": kwargs}), CALL


def input_payload(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes:
    """Return the input of a child workflow: one value, or keywords as an object."""
    if args and (kwargs or len(args) > 1):
        raise TypeError(
            f"Expected one value or keywords as a workflow's input, but found {len(args)} values and {sorted(kwargs)}"
        )
    return to_json(args[0] if args else kwargs)


def bind_input(data: bytes, content_type: str) -> tuple[list[Any], dict[str, Any]]:
    """Return (args, kwargs) of a payload: an object becomes keywords, anything else the single argument."""
    value = from_payload(data, content_type)
    if content_type == CALL:
        return list(value["args"]), dict(value["kwargs"])
    if isinstance(value, dict):
        return [], value
    return [value], {}
