"""Values that are too large for the log: they lie in a blob store, and a reference stands in their place.

A reference is the JSON object `{"$blob": "sha256-...", "content_type": ..., "size": ...}`: as a payload of its own,
with a content type that says so, or wherever a value may stand within JSON. The name is the hash of what is stored, so
a reference means the same for ever, and a replay never sees anything else.
"""

from __future__ import annotations

import re
from typing import Any, NoReturn

import msgspec

CONTENT_TYPE = "application/vnd.headrace.blob+json"
MARK = b'"$blob"'
"""Stands in all JSON that holds a reference."""
_NAME = re.compile(r"sha256-[0-9a-f]{64}")
_KEYS = frozenset({"$blob", "content_type", "size"})


class ValueTooLarge(Exception):
    """A workflow looked into a value that is kept by reference. Tasks and clients get the value itself."""

    error = "headrace.ValueTooLarge"

    @property
    def cause(self) -> str:
        """The text, for a workflow that fails with it."""
        return str(self)


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in a value's place. `size` is in bytes, `content_type` that of what is stored."""

    blob: str = msgspec.field(name="$blob")
    content_type: str
    size: int

    def to_json(self) -> bytes:
        """Return the reference as JSON, the same for the same value."""
        return msgspec.json.encode(self)


class LargeValue:
    """A value that a workflow can pass on, but not look into: to tasks, children and signals, in its result, within
    lists and objects.
    """

    __slots__ = ("_reference",)

    def __init__(self, reference: Reference) -> None:
        self._reference = reference

    @property
    def reference(self) -> Reference:
        """What stands in the value's place."""
        return self._reference

    @property
    def size_bytes(self) -> int:
        """How large the value is, as it is stored."""
        return self._reference.size

    def __repr__(self) -> str:
        return f"LargeValue({self._reference.blob}, {self._reference.size} bytes)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LargeValue) and other.reference == self._reference

    def __hash__(self) -> int:
        return int(self._reference.blob[-15:], 16)  # the same in every process

    def _refuse(self, *_args: Any) -> NoReturn:
        raise ValueTooLarge(
            f"Expected a value that a workflow can look into, but this one has {self._reference.size} bytes and is "
            "kept by reference; let a task look into it, or have less returned (HEADRACE_PAYLOAD_LIMIT_BYTES says how "
            "much)"
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)  # what Python itself asks for: there is none
        self._refuse()

    __len__ = __iter__ = __getitem__ = __contains__ = __bool__ = __int__ = __float__ = __str__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = __add__ = __radd__ = __sub__ = __mul__ = __call__ = __reversed__ = _refuse


def reference_of(value: Any) -> Reference | None:
    """Return the reference that a JSON value is; None where it is anything else."""
    if not isinstance(value, dict) or "$blob" not in value or value.keys() != _KEYS:
        return None
    blob, kind, size = value["$blob"], value["content_type"], value["size"]
    if not (isinstance(blob, str) and _NAME.fullmatch(blob) and isinstance(kind, str) and type(size) is int):
        return None
    return Reference(blob=blob, content_type=kind, size=size)


def holds_reference(value: Any) -> bool:
    """Tell whether a reference stands anywhere in a JSON value."""
    if isinstance(value, dict):
        return reference_of(value) is not None or any(holds_reference(item) for item in value.values())
    return isinstance(value, list) and any(holds_reference(item) for item in value)


def with_large_values(value: Any) -> Any:
    """Return a JSON value with a `LargeValue` for each reference in it."""
    if isinstance(value, dict):
        found = reference_of(value)
        if found is not None:
            return LargeValue(found)
        return {name: with_large_values(item) for name, item in value.items()}
    if isinstance(value, list):
        return [with_large_values(item) for item in value]
    return value
