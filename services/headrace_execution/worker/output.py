"""What a task prints and logs: taken line by line, bounded, and shipped with the attempt's ids.

`sys.stdout` and `sys.stderr` are replaced once per process by streams that look up which attempt is running where the
text comes from (a context variable: it holds in the attempt's thread and in everything its coroutine awaits). What no
attempt writes goes where it went before.
"""

from __future__ import annotations

import contextvars
import io
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import msgspec

from headrace.authoring.task_calls import cut

_output: contextvars.ContextVar[AttemptOutput | None] = contextvars.ContextVar("headrace_output", default=None)

PRINTED = "output"
IO = "io"


class AttemptOutput:
    """The lines of one attempt, as a task's sink (`headrace.authoring.task_context.TaskSink`).

    `ship` gets (level, line). Beyond `limit_bytes` one last line says that the rest is cut.
    """

    __slots__ = ("_beat", "_left", "_limit", "_line_bytes", "_lock", "_part", "_part_characters", "_ship")

    def __init__(
        self, ship: Callable[[str, str], None], beat: Callable[[Any], None], *, line_bytes: int, limit_bytes: int
    ) -> None:
        self._ship = ship
        self._beat = beat
        self._line_bytes = line_bytes
        self._left = limit_bytes
        self._limit = limit_bytes
        self._part: list[str] = []
        self._part_characters = 0
        # A task's own threads may print through one context.
        self._lock = threading.RLock()

    def line(self, level: str, message: str) -> None:
        """Ship a line that was logged; a message of several lines stays one."""
        with self._lock:
            self._send(level, message)

    def write(self, text: str) -> None:
        """Take printed text; whole lines are shipped, the rest waits for its end."""
        with self._lock:
            *whole, rest = text.split("\n")
            for line in whole:
                self._keep(line)
                self._end_line()
            self._keep(rest)

    def heartbeat(self, details: Any) -> None:
        """Pass a heartbeat on."""
        self._beat(details)

    def record_io(self, *, rows: int, bytes: int, dataset: str) -> None:  # noqa: A002  the unit is the name users know
        """Ship an account of what was read or written."""
        with self._lock:
            self._send(IO, msgspec.json.encode({"rows": rows, "bytes": bytes, "dataset": dataset}).decode())

    def close(self) -> None:
        """Ship what was printed without an end of line."""
        if self._part:
            with self._lock:
                self._end_line()

    def _keep(self, text: str) -> None:
        # One character more than a line may have in bytes is enough to see that it is too long.
        room = self._line_bytes + 1 - self._part_characters
        if text and room > 0:
            self._part.append(text[:room])
            self._part_characters += len(self._part[-1])

    def _end_line(self) -> None:
        line = "".join(self._part)
        self._part.clear()
        self._part_characters = 0
        self._send(PRINTED, line)

    def _send(self, level: str, message: str) -> None:
        if self._left <= 0:
            return
        clean = message.encode("utf-8", "backslashreplace").decode()
        text = cut(clean, self._line_bytes)
        self._left -= len(text.encode()) + 1
        self._ship(level, text)
        if self._left <= 0:
            self._ship("warning", f"[cut: this attempt wrote more than {self._limit} bytes; the rest is dropped]")


class _Stream(io.TextIOBase):
    """A text stream that goes to the attempt that writes, or to the stream that was there before."""

    def __init__(self, before: TextIO) -> None:
        self.before = before

    def write(self, text: str) -> int:
        """Write a text."""
        output = _output.get()
        if output is None:
            return self.before.write(text)
        output.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush the stream underneath; lines of attempts are shipped as they end."""
        if _output.get() is None:
            self.before.flush()

    def writable(self) -> bool:
        """Tell that it can be written."""
        return True

    def isatty(self) -> bool:
        """Tell whether a person watches: never for what is shipped."""
        return _output.get() is None and self.before.isatty()

    def fileno(self) -> int:
        """Return the descriptor of the stream underneath."""
        return self.before.fileno()

    @property
    def buffer(self) -> Any:
        """The bytes underneath: what is written there is nobody's line."""
        return self.before.buffer

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the stream underneath."""
        return self.before.encoding or "utf-8"


class _Handler(logging.Handler):
    """Takes what a task logs through the standard library; our own loggers speak for the worker, not for the task."""

    def emit(self, record: logging.LogRecord) -> None:
        output = _output.get()
        if output is None or record.name.partition(".")[0] == "headrace":
            return
        try:
            output.line(record.levelname.lower(), record.getMessage())
        except (TypeError, ValueError):
            self.handleError(record)


@contextmanager
def captured() -> Iterator[None]:
    """Take what attempts print and log, within the block."""
    streams = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _Stream(streams[0]), _Stream(streams[1])
    handler = _Handler()
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        sys.stdout, sys.stderr = streams


class writing_to:  # noqa: N801  a context manager, used like a function; a generator would cost a task a microsecond
    """Send what is printed and logged within the block to an attempt's output."""

    __slots__ = ("_attempt", "_token")

    def __init__(self, output: AttemptOutput) -> None:
        self._attempt = output

    def __enter__(self) -> None:
        self._token = _output.set(self._attempt)

    def __exit__(self, *_: object) -> None:
        _output.reset(self._token)
        self._attempt.close()
