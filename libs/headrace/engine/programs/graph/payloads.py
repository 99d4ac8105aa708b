"""Payloads that are decoded only when an expression looks into them, and what expressions see of tasks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from headrace.engine.expressions import ExpressionError
from headrace.payloads.large import CONTENT_TYPE as BLOB
from headrace.payloads.large import MARK

JSON = "application/json"


class Payload:
    """Bytes with a content type, decoded at most once.

    Attributes:
        what: what it is, for messages: `the output of measure`.
    """

    __slots__ = ("_value", "content_type", "data", "what")

    def __init__(self, data: bytes, content_type: str, what: str) -> None:
        self.data = data
        self.content_type = content_type
        self.what = what
        self._value: Any = _UNREAD

    def value(self) -> Any:
        """Return the JSON value.

        Raises:
            ExpressionError: it is no JSON, so that no expression can look into it.
        """
        if self._value is _UNREAD:
            if self.content_type == BLOB or MARK in self.data:
                raise ExpressionError(
                    f"Expected a value that an expression can look into as {self.what}, but it is too large for the "
                    "log and kept by reference; hand it on whole, as the whole of an input, or have the task return "
                    "less",
                    self.what,
                )
            if self.content_type != JSON:
                raise ExpressionError(f"Expected JSON as {self.what}, but found {self.content_type}", self.what)
            try:
                self._value = msgspec.json.decode(self.data)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                raise ExpressionError(f"Expected JSON as {self.what}, but it cannot be read", self.what) from None
        return self._value


_UNREAD: Any = object()


def encode(value: Any, what: str) -> Payload:
    """Return the payload of a JSON value.

    Raises:
        ExpressionError: an integer of more than 64 bits, or text that is not Unicode.
    """
    try:
        return Payload(msgspec.json.encode(value), JSON, what)
    except (OverflowError, UnicodeEncodeError, RecursionError) as error:
        raise ExpressionError(
            f"Expected a value that can be sent as {what}, but {type(error).__name__}", what
        ) from None


def join_list(parts: list[Payload | None], what: str) -> Payload:
    """Return the list of payloads, without decoding them; None is null.

    Raises:
        ExpressionError: one of them is no JSON.
    """
    return Payload(b"[" + b",".join(_json(part) for part in parts) + b"]", JSON, what)


def join_object(parts: Mapping[str, Payload | None], what: str) -> Payload:
    """Return the object of payloads, without decoding them; None is null.

    Raises:
        ExpressionError: one of them is no JSON.
    """
    fields = (msgspec.json.encode(name) + b":" + _json(part) for name, part in parts.items())
    return Payload(b"{" + b",".join(fields) + b"}", JSON, what)


def _json(part: Payload | None) -> bytes:
    if part is None:
        return b"null"
    if part.content_type == BLOB:
        return part.data  # a reference stands for its value within JSON too
    if part.content_type != JSON:
        raise ExpressionError(f"Expected JSON as {part.what}, but found {part.content_type}", part.what)
    return part.data


class TaskView(Mapping[str, Any]):
    """`$tasks.NAME`: `status`, and `output` where there is one."""

    __slots__ = ("_output", "_status")

    def __init__(self, status: str, output: Payload | None) -> None:
        self._status = status
        self._output = output

    def __getitem__(self, name: str) -> Any:
        if name == "status":
            return self._status
        if name == "output" and self._output is not None:
            return self._output.value()
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(("status",) if self._output is None else ("status", "output"))

    def __len__(self) -> int:
        return 1 if self._output is None else 2


class TasksView(Mapping[str, TaskView]):
    """`$tasks`: those of the tasks that an expression may look at, in the graph's order."""

    __slots__ = ("_outputs", "_statuses", "_visible")

    def __init__(self, visible: tuple[str, ...], statuses: Mapping[str, str], outputs: Mapping[str, Payload]) -> None:
        self._visible = visible
        self._statuses = statuses
        self._outputs = outputs

    def __getitem__(self, name: str) -> TaskView:
        if name not in self._visible or name not in self._statuses:
            raise KeyError(name)
        return TaskView(self._statuses[name], self._outputs.get(name))

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._visible if name in self._statuses)

    def __len__(self) -> int:
        return sum(1 for _ in self)
