"""What a function's annotations say of its input and its result."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from headrace.payloads.converters import NoConverter
from headrace.payloads.large import MARK, LargeValue
from headrace.payloads.typed import Convert, Mismatch, conversion_to, convert, decoder_of

Arguments = tuple[list[Any], dict[str, Any]]
_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_PLACED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.POSITIONAL_ONLY)


class Parameters:
    """The parameters of a function, with what converts JSON values to their types."""

    def __init__(self, function: Callable[..., Any], skip: int = 0) -> None:
        """`skip` parameters at the front are not part of the input: a workflow's ctx."""
        found = _parameters(function)[skip:]
        types = {parameter.name: _type_of(function, parameter) for parameter in found}
        self._conversions = {name: conversion_to(kind) for name, kind in types.items()}
        self._places = [parameter.name for parameter in found if parameter.kind in _PLACED]
        self._names = {parameter.name for parameter in found if parameter.kind in _NAMED}
        self._rest = next((each.name for each in found if each.kind is inspect.Parameter.VAR_POSITIONAL), None)
        self._others = next((each.name for each in found if each.kind is inspect.Parameter.VAR_KEYWORD), None)
        self._only = found[0].name if len(found) == 1 and found[0].kind in _PLACED else None
        self._is_optional = all(_may_be_left_out(parameter) for parameter in found)
        self._is_plain = not any(self._conversions.values())
        self.takes_any = bool(found)

    def fit(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Arguments:
        """Return arguments as the types that the annotations name; those that belong to no parameter as they are.

        An object becomes keywords; where these do not fit, and there is one parameter whose type the whole object fits,
        it becomes that. Null is no input at all where it does not fit, and everything may be left out.

        Raises:
            Mismatch: an argument does not fit its type; the text names it.
        """
        if self._is_plain:
            return list(args), dict(kwargs)
        try:
            converted = self._converted(args, kwargs)
        except Mismatch:
            if list(args) == [None] and not kwargs and self._is_optional:
                return [], {}
            whole = None if args else self._as_a_whole(kwargs)
            if whole is None:
                raise
            return whole
        if args or self._only is None or set(kwargs) == {self._only} or (not kwargs and self._is_optional):
            return converted
        return self._as_a_whole(kwargs) or converted

    def _converted(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Arguments:
        places = self._places
        placed = [self._convert(places[at] if at < len(places) else self._rest, value) for at, value in enumerate(args)]
        named = {name: self._convert(name if name in self._names else self._others, v) for name, v in kwargs.items()}
        return placed, named

    def _convert(self, name: str | None, value: Any) -> Any:
        conversion = self._conversions.get(name) if name is not None else None
        if conversion is None or value.__class__ is LargeValue:
            return value
        try:
            return conversion(value)
        except (Mismatch, NoConverter) as error:
            raise Mismatch(f"{name}: {error}") from None

    def _as_a_whole(self, value: Mapping[str, Any]) -> Arguments | None:
        conversion: Convert | None = self._conversions.get(self._only) if self._only is not None else None
        if conversion is None:
            return None
        try:
            return [conversion(dict(value))], {}
        except (Mismatch, NoConverter):
            return None


def parameters_of(function: Callable[..., Any]) -> Parameters:
    """Return the parameters of a task's function; asked for at every call, so they are kept."""
    try:
        return _kept(function)
    except TypeError:  # a callable that cannot be hashed
        return Parameters(function)


# A worker has some tasks; a decision service keeps those of workflows itself.
@lru_cache(maxsize=1024)
def _kept(function: Callable[..., Any]) -> Parameters:
    return Parameters(function)


def result_type(function: Callable[..., Any]) -> Any:
    """Return the type that a function's annotation names for its result; Any where there is none that is known."""
    try:
        return _kept_type(function)
    except TypeError:
        return _kept_type.__wrapped__(function)


@lru_cache(maxsize=1024)
def _kept_type(function: Callable[..., Any]) -> Any:
    annotation = getattr(function, "__annotations__", {}).get("return", Any)
    return _resolved(function, annotation)


def result_check(function: Callable[..., Any]) -> Callable[[bytes], None] | None:
    """Return what raises `Mismatch` for a result, as JSON, that does not fit a function's annotation; None without
    one.
    """
    try:
        return _kept_check(function)
    except TypeError:
        return _kept_check.__wrapped__(function)


@lru_cache(maxsize=1024)
def _kept_check(function: Callable[..., Any]) -> Callable[[bytes], None] | None:
    wanted = result_type(function)
    conversion = conversion_to(wanted)
    if conversion is None:
        return None
    at_once = decoder_of(wanted)

    def check(data: bytes) -> None:
        if at_once is not None:
            try:
                at_once.decode(data)
            except (msgspec.MsgspecError, ValueError, TypeError):
                pass  # what is wrong with it, if anything is, is told below
            else:
                return
        if MARK in data:
            return  # what is kept by reference is looked at by whoever fetches it
        try:
            conversion(msgspec.json.decode(data))
        except NoConverter:
            return  # what cannot be made again can still be returned

    return check


def converted_result(value: Any, wanted: Any) -> Any:
    """Return a JSON value as the type of a result; as it is where nobody knows how. Raises `Mismatch`."""
    conversion = conversion_to(wanted)
    if conversion is None or value.__class__ is LargeValue:
        return value
    try:
        return conversion(value)
    except NoConverter:
        return value


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(function).parameters.values())
    except (ValueError, TypeError):
        return []  # a function in C that does not tell


def _may_be_left_out(parameter: inspect.Parameter) -> bool:
    collects = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return parameter.default is not inspect.Parameter.empty or parameter.kind in collects


def _type_of(function: Callable[..., Any], parameter: inspect.Parameter) -> Any:
    if parameter.annotation is inspect.Parameter.empty:
        return Any
    found = _resolved(function, parameter.annotation)
    # `x: str = None` means what it says, not what it is annotated as.
    return found | None if parameter.default is None and found is not Any and _is_type(found) else found


def _is_type(found: Any) -> bool:
    try:
        found | None
    except TypeError:
        return False
    return True


def _resolved(function: Callable[..., Any], annotation: Any) -> Any:
    """Return what an annotation means where its function stands; Any for what only type checkers know."""
    if not isinstance(annotation, str):
        return annotation
    namespace = getattr(inspect.unwrap(function), "__globals__", {})
    try:
        return eval(annotation, dict(namespace))  # noqa: S307 (the author's own annotation, in the author's own module)
    except Exception:  # noqa: BLE001
        return Any


__all__ = [
    "Arguments",
    "Mismatch",
    "Parameters",
    "convert",
    "converted_result",
    "parameters_of",
    "result_check",
    "result_type",
]
