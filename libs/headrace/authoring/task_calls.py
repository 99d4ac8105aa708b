"""One attempt, from its payload to what is to be said of it. Whatever a task raises is data here.

A JSON object as input becomes keyword arguments, anything else the single argument. `null` for a function that takes
nothing is no argument at all. Annotated parameters get what they are annotated as (`headrace.payloads`).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec

from headrace.authoring.retry import names_of
from headrace.contracts.io_accounts import TaskIo
from headrace.contracts.task_events import TaskScheduled
from headrace.engine.programs.python.payloads import bind_input, to_json
from headrace.engine.tracebacks import cause_of
from headrace.payloads.signatures import parameters_of, result_check
from headrace.payloads.typed import Mismatch

_NAME_CHARACTERS = 200


class Succeeded(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt that returned; `output` is JSON until it is sealed, `io` what it said that it read and wrote."""

    output: bytes
    io: TaskIo | None = None
    content_type: str = "application/json"


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt that did not: the error's name, and a text that explains it."""

    error: str
    cause: str
    retryable: bool = True
    bases: list[str] = []


class Replaced(msgspec.Struct, frozen=True):
    """A result that is not the function's own: middleware has put it in its place."""

    result: Any


class Stopped(msgspec.Struct, frozen=True):
    """An attempt that ended because it was told to."""


Outcome = Succeeded | Failed | Stopped


class InputMismatch(Exception):
    """The input does not fit the task's parameters."""


def arguments(function: Callable[..., Any], task: TaskScheduled) -> tuple[list[Any], dict[str, Any]]:
    """Return what to call a task with.

    Raises:
        InputMismatch: the input is no JSON, or does not fit the parameters.
    """
    return fitted(function, task, *bound(function, task))


def bound(
    function: Callable[..., Any], task: TaskScheduled, *, may_be_none: bool = False
) -> tuple[list[Any], dict[str, Any]]:
    """Return an input as arguments of the annotated types, whether they are all that the function takes or not.

    Null is no input at all where it `may_be_none`: where middleware may add what the function takes.

    Raises:
        InputMismatch: it is no JSON, or an argument is of another type.
    """
    try:
        args, kwargs = bind_input(task.input, task.content_type)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputMismatch(f"Expected the input of task {task.task} to be {task.content_type}, but {error}") from None
    parameters = parameters_of(function)
    if args == [None] and (may_be_none or not parameters.takes_any):
        return args, kwargs
    try:
        return parameters.fit(args, kwargs)
    except Mismatch as error:
        raise InputMismatch(f"Expected the input of task {task.task} to fit its parameters, but {error}") from None


def fitted(
    function: Callable[..., Any], task: TaskScheduled, args: list[Any], kwargs: dict[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """Return arguments as a function takes them. Raises `InputMismatch` where they do not fit its parameters."""
    fit = _fit if type(function).__hash__ is not None else _fit.__wrapped__
    takes_nothing, problem = fit(function, len(args), tuple(kwargs))
    if takes_nothing and args == [None]:
        return [], {}
    if problem and kwargs and args == [None] and not fit(function, 0, tuple(kwargs))[1]:
        return [], kwargs  # no input at all, but what middleware has added
    if problem:
        raise InputMismatch(f"Expected the input of task {task.task}{problem}")
    return args, kwargs


# A worker has some tasks, each called with a few sets of keywords; asking a signature anew costs more than most tasks.
@lru_cache(maxsize=1024)
def _fit(function: Callable[..., Any], positional: int, keywords: tuple[str, ...]) -> tuple[bool, str]:
    """Return whether a function takes nothing at all, and why a call of this form does not fit it; empty if it does."""
    try:
        signature = inspect.signature(function)
    except (ValueError, TypeError):
        return False, ""  # a function in C that does not tell; the call itself will say
    try:
        signature.bind(*[None] * positional, **dict.fromkeys(keywords))
    except TypeError as error:
        return not signature.parameters, f"{signature} to fit it, but {error}"
    return False, ""


def mismatch(error: InputMismatch) -> Failed:
    """Return the outcome of an attempt whose input does not fit: another try would not change that."""
    return Failed(error="headrace.InputMismatch", cause=_clean(str(error)), retryable=False)


def returned(
    task: TaskScheduled, value: object, limit_bytes: int, function: Callable[..., Any] | None = None
) -> Outcome:
    """Return the outcome of an attempt that returned a value. It must be what the `function` is annotated with, unless
    somebody else made it.
    """
    if isinstance(value, Replaced):
        return returned(task, value.result, limit_bytes)
    try:
        output = to_json(value)
    except (TypeError, ValueError, RecursionError, OverflowError, MemoryError, msgspec.MsgspecError) as error:
        cause = (
            f"Expected task {task.task} to return what JSON can hold, but it returned a {type(value).__name__}: {error}"
        )
        return Failed(error="headrace.SerializationError", cause=_clean(cause))
    if len(output) > limit_bytes:
        cause = (
            f"Expected task {task.task} to return at most {limit_bytes} bytes as JSON, but it returned {len(output)}; "
            "store large results elsewhere and return where they are"
        )
        return Failed(error="headrace.OutputTooLarge", cause=cause)
    check = result_check(function) if function is not None else None
    if check is not None:
        try:
            check(output)
        except Mismatch as error:
            cause = f"Expected task {task.task} to return what it is annotated with, but {error}"
            return Failed(error="headrace.ResultMismatch", cause=_clean(cause), retryable=False)
    return Succeeded(output=output)


def kept_bytes(value: Any, limit_bytes: int, what: str) -> bytes:
    """Return as JSON what the dispatcher is to keep for an attempt; nothing for None.

    Raises:
        ValueError: it is too large, or JSON cannot hold it.
    """
    if value is None:
        return b""
    try:
        data = to_json(value)
    except (TypeError, RecursionError, OverflowError, msgspec.MsgspecError) as error:
        raise ValueError(f"Expected the {what} as JSON, but {error}") from None
    if len(data) > limit_bytes:
        raise ValueError(f"Expected the {what} to have at most {limit_bytes} bytes as JSON, but found {len(data)}")
    return data


def raised(error: BaseException, limit_bytes: int) -> Failed:
    """Return the outcome of an attempt that raised: the class's name, the reason first, then where it came from."""
    text = cause_of(error)
    retryable = not getattr(error, "non_retryable", False)
    name = _clean(type(error).__name__)[:_NAME_CHARACTERS]
    return Failed(error=name, cause=cut(_clean(text), limit_bytes), retryable=retryable, bases=names_of(error))


def cut(text: str, limit_bytes: int) -> str:
    """Return a text of at most `limit_bytes` as UTF-8; where something is cut, a mark says how much."""
    data = text.encode()
    if len(data) <= limit_bytes:
        return text
    mark = f"\n[cut: {len(data)} bytes in all, limit {limit_bytes}]"
    kept = data[: max(limit_bytes - len(mark), 0)].decode("utf-8", "ignore")
    return kept + mark


def _clean(text: str) -> str:
    """Return a text that UTF-8 can hold."""
    return text.encode("utf-8", "backslashreplace").decode()
