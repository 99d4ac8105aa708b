"""How a message lies on the wire: its schema's fields, cut into runs, for what is compiled from it.

Neighbouring fields that have defaults are a *run*. In most messages all fields of a run have their defaults, so the run
is written and recognized as one constant.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import groupby
from typing import Any

import msgspec

from headrace.contracts.schemas import NAMESPACE, raw_schemas
from headrace.contracts.varints import NUMBERS

# It has a default for the sake of older versions, but mostly does not have that value.
_USUALLY_SET = frozenset({"command_id"})


class Field(msgspec.Struct, frozen=True):
    """One field: its Avro type as JSON, and its default as a message has it (`NODEFAULT` where there is none)."""

    name: str
    type: Any
    default: Any

    @property
    def is_number(self) -> bool:
        """Tell whether it is an int or a long."""
        return self.type in ("int", "long")

    @property
    def is_time(self) -> bool:
        """Tell whether it is a time: ms since the epoch, six bytes on the wire."""
        return self.type == "long" and (self.name == "at" or self.name.endswith("_at"))


class Run(msgspec.Struct, frozen=True):
    """Neighbouring fields; `constant` is what they are on the wire with all defaults, None for a field by itself."""

    fields: tuple[Field, ...]
    constant: bytes | None


@cache
def runs_of(name: str) -> tuple[Run, ...]:
    """Return the fields of a message type in their order."""
    fields = [
        Field(field["name"], field["type"], _default(field)) for field in raw_schemas()[f"{NAMESPACE}.{name}"]["fields"]
    ]
    return tuple(run for constant, group in groupby(fields, _may_be_constant) for run in _cut(list(group), constant))


def record_name(schema: Any) -> str | None:
    """Return the message type that a schema names; None for any other schema."""
    prefix = f"{NAMESPACE}."
    return schema.removeprefix(prefix) if isinstance(schema, str) and schema.startswith(prefix) else None


def _default(field: dict[str, Any]) -> Any:
    if "default" not in field:
        return msgspec.NODEFAULT
    return field["default"].encode("latin-1") if field["type"] == "bytes" else field["default"]


def _may_be_constant(field: Field) -> bool:
    # A double stays by itself: 0.0 and -0.0 are equal, but not on the wire.
    return field.default is not msgspec.NODEFAULT and field.name not in _USUALLY_SET and field.type != "double"


def _cut(fields: list[Field], constant: bool) -> Iterator[Run]:  # noqa: FBT001  the key of a group
    if constant and not (len(fields) == 1 and fields[0].is_number):  # a single number is as cheap by itself
        yield Run(tuple(fields), b"".join(map(_constant, fields)))
    else:
        yield from (Run((field,), None) for field in fields)


def _constant(field: Field) -> bytes:
    match field.default:
        case bool():
            return b"\1" if field.default else b"\0"
        case int():
            return NUMBERS[field.default]
        case str() | bytes():
            data = field.default.encode() if isinstance(field.default, str) else field.default
            return NUMBERS[len(data)] + data
    assert not field.default, f"Expected {field.name} to have an empty default, but it has {field.default!r}"
    return b"\0"  # null, an empty array or map
