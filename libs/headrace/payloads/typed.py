"""JSON values to the types that annotations name.

msgspec does it in one call for nearly every type. What it does not take (a union of two dataclasses, an enum of floats,
a container of those) is taken apart here. An annotation that names no type that could be made of JSON is left alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from enum import Enum
from functools import lru_cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec

from headrace.payloads.converters import NoConverter, decode_other, registered, when_registered
from headrace.payloads.large import LargeValue

_ANYTHING: tuple[Any, ...] = (Any, object)
_GROUPS = (list, tuple, set, frozenset)
_PLAIN = (str, int, float, bool, NoneType)
"""What JSON gives as it is."""


class Mismatch(ValueError):
    """A value that does not fit its type; the text says what was expected and found."""


Convert = Callable[[Any], Any]


def convert(value: Any, wanted: Any) -> Any:
    """Return a JSON value as the type wanted; as it is where the type is one that JSON values cannot be made into.

    Raises:
        Mismatch: it does not fit.
    """
    conversion = conversion_to(wanted)
    if conversion is None or isinstance(value, LargeValue):
        return value
    try:
        return conversion(value)
    except NoConverter as error:
        raise Mismatch(f"Expected a {_name(wanted)}, but {error}") from None


def conversion_to(wanted: Any) -> Convert | None:
    """Return what converts JSON values to a type, and raises `Mismatch` or `NoConverter`; None where any will do."""
    try:
        return _conversion(wanted)
    except TypeError:  # an annotation that cannot be hashed: a Literal of lists, say
        return _conversion.__wrapped__(wanted)


def decoder_of(wanted: Any) -> msgspec.json.Decoder[Any] | None:
    """Return what decodes JSON as a type in one step, for types that need no converter; None for others."""
    try:
        return msgspec.json.Decoder(wanted)
    except (TypeError, NameError, AttributeError, RecursionError):
        return None


@lru_cache(maxsize=4096)
def _conversion(wanted: Any) -> Convert | None:
    if wanted in _ANYTHING:
        return None
    if wanted is None:
        wanted = NoneType
    own = registered(wanted) is not None if isinstance(wanted, type) else False
    try:
        msgspec.json.Decoder(wanted, dec_hook=decode_other)
    except (TypeError, NameError, AttributeError, RecursionError):
        return _taken_apart(wanted)

    is_plain = wanted in _PLAIN

    def by_msgspec(value: Any) -> Any:
        if is_plain and value.__class__ is wanted:
            return value
        if value.__class__ is LargeValue:
            return value
        if has_large_member(value):
            return _with_large_members(value, wanted)
        try:
            if own:
                return decode_other(wanted, value)
            return msgspec.convert(value, wanted, dec_hook=decode_other, str_keys=True)
        except NoConverter:
            raise
        except (msgspec.ValidationError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise Mismatch(f"Expected a {_name(wanted)}, but {error}") from error

    return by_msgspec


def has_large_member(value: Any) -> bool:
    """Tell whether an object holds a value that is kept by reference: only objects are taken apart for that."""
    return value.__class__ is dict and any(item.__class__ is LargeValue for item in value.values())


def _with_large_members(value: dict[str, Any], wanted: Any) -> Any:
    """Return an object as a class with fields, what is kept by reference as it is; plain where the type has none."""
    if not isinstance(wanted, type) or not (dataclasses.is_dataclass(wanted) or issubclass(wanted, msgspec.Struct)):
        return value
    hints = get_type_hints(wanted)
    if issubclass(wanted, msgspec.Struct):
        fields = {field.encode_name: field.name for field in msgspec.structs.fields(wanted)}
    else:
        fields = {name: name for name in hints}
    given = {fields[name]: convert(item, hints[fields[name]]) for name, item in value.items() if name in fields}
    try:
        return wanted(**given)
    except TypeError as error:
        raise Mismatch(f"Expected a {_name(wanted)}, but {error}") from error


when_registered(_conversion.cache_clear)


def _taken_apart(wanted: Any) -> Convert | None:
    origin, arguments = get_origin(wanted), get_args(wanted)
    if origin in (Union, UnionType):
        return _any_of(wanted, arguments)
    if isinstance(wanted, type) and issubclass(wanted, Enum):
        return _member_of(wanted)
    if dataclasses.is_dataclass(wanted) and isinstance(wanted, type):
        return _fields_of(wanted)
    if origin is dict and len(arguments) == 2:
        return lambda value: _mapped(value, arguments, wanted)
    if origin in _GROUPS and arguments and (origin is not tuple or arguments[1:] == (...,)):
        return lambda value: origin(convert(item, arguments[0]) for item in _checked(value, list, wanted))
    return None


def _any_of(wanted: Any, members: tuple[Any, ...]) -> Convert:
    def first_that_fits(value: Any) -> Any:
        reasons = []
        for member in members:
            try:
                return convert(value, member)
            except Mismatch as error:
                reasons.append(str(error))
        raise Mismatch(f"Expected a {_name(wanted)}, but none fits: {'; '.join(reasons)}")

    return first_that_fits


def _member_of(wanted: type[Enum]) -> Convert:
    def by_value(value: Any) -> Any:
        for member in wanted:
            if member.value == value or (isinstance(value, list) and member.value == tuple(value)):
                return member
        raise Mismatch(f"Expected a value of {_name(wanted)}, but found {value!r:.200}")

    return by_value


def _fields_of(wanted: type) -> Convert | None:
    try:
        hints = get_type_hints(wanted)
    except (NameError, TypeError, AttributeError):
        return None
    names = {field.name for field in dataclasses.fields(wanted) if field.init}

    def by_fields(value: Any) -> Any:
        found = _checked(value, dict, wanted)
        given = {name: convert(item, hints[name]) for name, item in found.items() if name in names}
        try:
            return wanted(**given)
        except (TypeError, ValueError) as error:
            raise Mismatch(f"Expected a {_name(wanted)}, but {error}") from error

    return by_fields


def _mapped(value: Any, arguments: tuple[Any, ...], wanted: Any) -> dict[Any, Any]:
    key, item = arguments
    keys = msgspec.convert(dict.fromkeys(_checked(value, dict, wanted)), dict[key, None], str_keys=True)  # type: ignore[valid-type]
    return {name: convert(each, item) for name, each in zip(keys, value.values(), strict=True)}


def _checked(value: Any, kind: type, wanted: Any) -> Any:
    if not isinstance(value, kind):
        raise Mismatch(f"Expected a {_name(wanted)}, but found {type(value).__name__}")
    return value


def _name(wanted: Any) -> str:
    return str(getattr(wanted, "__qualname__", None) or wanted) if isinstance(wanted, type) else str(wanted)
