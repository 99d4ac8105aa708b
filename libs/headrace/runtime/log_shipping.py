"""A service's own log on its way to the logs topic: a handler that never waits, never raises, never feeds itself.

Every record of the process becomes a `LogLine` with the ids that it is about (bound by
`headrace.runtime.logging.bind`, or given as `extra=`), and is handed to a `LineSender`, which takes it or not at once.
What is not taken is counted, and the next line that is taken says how many are missing. Nothing that the handler or
its sender does is logged; and should something underneath log while a line is handed over, that record is left out.
Whoever reads the logs topic logs what it says about that with `extra={"ship": False}`, or its lines would be about its
own lines for ever.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import traceback
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from headrace.contracts.log_lines import LogLine
from headrace.runtime import logging as logs

_IDS = ("workflow_id", "run_id", "task", "node")
_NUMBERS = ("step", "attempt", "index")
_encode = msgspec.json.Encoder(enc_hook=str).encode
_left_out: list[Callable[[logging.LogRecord], bool]] = []


class LineSender(Protocol):
    """Where lines go. Every method returns soon, and none raises."""

    def send(self, line: LogLine) -> bool:
        """Take a line, or tell that there is no room."""

    def lost(self) -> int:
        """Return how many lines were taken since the last call and then given up."""

    def flush(self) -> None:
        """Wait a moment for what is under way; called when the process ends."""


def leave_out(predicate: Callable[[logging.LogRecord], bool]) -> Callable[[], None]:
    """Ship no record of which `predicate` holds, asked where it is logged: somebody else does. Calling what is returned
    ends that.
    """
    _left_out.append(predicate)
    return lambda: _left_out.remove(predicate)


class LogShipper(logging.Handler):
    """Ships what the process logs. `limit_bytes` bounds a message, and all further fields together."""

    def __init__(self, service: str, sender: LineSender, *, source: str = "", limit_bytes: int) -> None:
        super().__init__()
        self._service = service
        self._source = source or f"{socket.gethostname()}-{os.getpid()}"
        self._sender = sender
        self._limit = limit_bytes
        self._dropped = 0
        self._within = threading.local()

    def emit(self, record: logging.LogRecord) -> None:
        """Hand one record over."""
        if getattr(self._within, "emitting", False) or not getattr(record, "ship", True):
            return
        if any(predicate(record) for predicate in _left_out):
            return
        self._within.emitting = True
        try:
            self._ship(self._line(record))
        except Exception:  # noqa: BLE001  a line that cannot be made must not harm whoever logs it
            self._dropped += 1
        finally:
            self._within.emitting = False

    def flush(self) -> None:
        """Wait a moment for what is under way."""
        self._within.emitting = True
        try:
            self._sender.flush()
        finally:
            self._within.emitting = False

    def _ship(self, line: LogLine) -> None:
        self._dropped += self._sender.lost()
        if self._dropped:
            text = f"[{self._dropped} lines of this process were dropped while the log did not answer]"
            mark = LogLine(at=line.at, level="warning", service=self._service, source=self._source, message=text)
            if self._sender.send(mark):
                self._dropped = 0
        if not self._sender.send(line):
            self._dropped += 1

    def _line(self, record: logging.LogRecord) -> LogLine:
        found: dict[str, Any] = {**logs.context(), **logs.extras(record)}
        trace = str(found.pop("traceparent", ""))
        ids: dict[str, Any] = {name: str(found.pop(name)) for name in _IDS if name in found}
        ids |= {name: found.pop(name) for name in _NUMBERS if isinstance(found.get(name), int)}
        if record.exc_info and record.exc_info[0] is not None:
            found["exception"] = "".join(traceback.format_exception(*record.exc_info))
        return LogLine(
            at=int(record.created * 1000),
            level=record.levelname.lower(),
            service=self._service,
            source=self._source,
            message=shortened(record.getMessage(), self._limit),
            logger=record.name,
            fields=_fields(found, self._limit),
            trace=trace,
            **ids,
        )


def shortened(text: str, limit_bytes: int) -> str:
    """Return a text of at most `limit_bytes` as UTF-8, beside a mark that says how much was cut."""
    data = text.encode("utf-8", "backslashreplace")
    if len(data) <= limit_bytes:
        return data.decode()
    return f"{data[:limit_bytes].decode('utf-8', 'ignore')} [cut: {len(data)} bytes in all, limit {limit_bytes}]"


def _fields(found: Mapping[str, Any], limit_bytes: int) -> str:
    """Return further fields as a JSON object: each whole, or its text cut, so that all of them are within the limit."""
    if not found:
        return ""
    text = _encode(found)
    if len(text) <= limit_bytes:
        return text.decode()
    each = max(limit_bytes // len(found), 64)
    cut = {name[:64]: shortened(str(value), each) for name, value in list(found.items())[:32]}
    return _encode(cut).decode()
