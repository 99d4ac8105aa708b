"""Values as JSON: what every process knows, and what authors register.

Known are all of JSON, dataclasses, attrs classes, msgspec structs, pydantic models, enums, dates and times, UUIDs,
decimals, bytes (as base64), sets, tuples, paths. Pydantic is not imported here: its models are known by what they have.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from pathlib import PurePath
from typing import Any, Final

import msgspec

from headrace.payloads.large import LargeValue


class Converter(msgspec.Struct, frozen=True):
    """How values of one type become JSON and are made of it again."""

    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]


class NoConverter(Exception):
    """A type that nobody has said how to make of JSON; the text names it."""


_registered: dict[type, Converter] = {}
_watchers: list[Callable[[], None]] = []


def when_registered(forget: Callable[[], None]) -> None:
    """Have something called at each registration: what was concluded without it holds no longer."""
    _watchers.append(forget)


def converter(type: Any, *, encode: Callable[[Any], Any], decode: Callable[[Any], Any]) -> None:
    """Register how a type of yours travels: `encode` makes of a value something that can travel, `decode` the reverse.

    Say it where the type is defined, or where tasks and workflows that use it are: each process that loads them needs
    it. A workflow takes both functions along in its bundle, so they must stand at the top of a module.

    Raises:
        TypeError: it is no class, or what goes with it is no function.
    """
    if not isinstance(type, _Type):
        raise TypeError(f"Expected a class to convert, but found {type!r}")
    functions: tuple[Any, ...] = (encode, decode)
    if not all(callable(function) for function in functions):
        raise TypeError(f"Expected functions to encode and decode {type.__qualname__}, but found others")
    _registered[type] = Converter(encode, decode)
    for forget in _watchers:
        forget()


_Type: Final = type


def registered(kind: type) -> Converter | None:
    """Return what was registered for a class, or for the nearest one that it inherits from."""
    if not _registered:
        return None
    return next((_registered[base] for base in kind.__mro__ if base in _registered), None)


def registered_for(kind: type) -> Converter | None:
    """Return what was registered for this very class."""
    return _registered.get(kind)


def encode_other(value: Any) -> Any:
    """Return something that JSON can hold for a value that msgspec does not know. Raises TypeError where nobody does.

    Also for values that hold others: what is returned may hold such values again.
    """
    kind = value.__class__
    if kind is LargeValue:
        return value.reference
    found = registered(kind)
    if found is not None:
        return found.encode(value)
    if _is_model(kind):
        # As pydantic itself writes it, so that its own options (aliases, serializers, how bytes look) count.
        return msgspec.Raw(kind.__pydantic_serializer__.to_json(value, by_alias=True, round_trip=True))
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    raise TypeError(
        f"{kind.__module__}.{kind.__qualname__} is not known; return plain values, or register a headrace.converter"
    )


def decode_other(kind: Any, value: Any) -> Any:
    """Return the value of a type that msgspec does not know.

    Raises:
        NoConverter: nobody knows how.
        ValueError: the value does not fit.
    """
    origin: Any = getattr(kind, "__origin__", kind)
    if not isinstance(origin, type):
        raise NoConverter(f"no type {kind!r} is known")
    found = registered(origin)
    if found is not None:
        return found.decode(value)
    if isinstance(value, origin):
        return value
    model: Any = origin
    if _is_model(model):
        return model.__pydantic_validator__.validate_json(to_json(value))
    if issubclass(origin, PurePath) and isinstance(value, str):
        return origin(value)
    raise NoConverter(f"{origin.__module__}.{origin.__qualname__} is not known; register a headrace.converter for it")


def _is_model(kind: Any) -> bool:
    """Tell whether a class is a pydantic model."""
    return hasattr(kind, "__pydantic_serializer__") and hasattr(kind, "__pydantic_validator__")


_encode = msgspec.json.Encoder(enc_hook=encode_other).encode


def to_json(value: Any) -> bytes:
    """Return a value as JSON.

    Raises:
        TypeError: JSON cannot hold it, and nothing is registered for it.
        ValueError, OverflowError, RecursionError: as of `msgspec.json.encode`, or of a converter.
    """
    return _encode(value)
