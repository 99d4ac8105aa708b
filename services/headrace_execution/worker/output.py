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

from headrace.authoring.task_calls import cut
from headrace.contracts.io_accounts import DatasetIo, TaskIo
from headrace.runtime.log_shipping import leave_out

_output: contextvars.ContextVar[AttemptOutput | None] = contextvars.ContextVar("headrace_output", default=None)

PRINTED = "output"
FURTHER = "[further datasets]"
_MOST = 2**63 - 1


class AttemptOutput:
    """The lines of one attempt, as a task's sink (`headrace.authoring.task_context.TaskSink`).

    `ship` gets (level, line). Beyond `limit_bytes` a line says that the rest is cut, and at the end another one how
    much that was. `datasets` bounds how many datasets are told apart; what is said of further ones is summed in one.
    """

    __slots__ = (
        "_beat", "_cut_bytes", "_cut_lines", "_datasets", "_io", "_left", "_limit", "_line_bytes", "_lock", "_part",
        "_part_characters", "_ship",
    )  # fmt: skip

    def __init__(
        self,
        ship: Callable[[str, str], None],
        beat: Callable[[Any], None],
        *,
        line_bytes: int,
        limit_bytes: int,
        datasets: int = 100,
    ) -> None:
        self._ship = ship
        self._beat = beat
        self._line_bytes = line_bytes
        self._left = limit_bytes
        self._limit = limit_bytes
        self._datasets = datasets
        self._cut_lines = self._cut_bytes = 0
        self._io: dict[str, tuple[int, int]] | None = None
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
        """Add to the account of what was read or written; it goes out with the result."""
        with self._lock:
            accounts = self._io = {} if self._io is None else self._io
            name = dataset if dataset in accounts or len(accounts) < self._datasets else FURTHER
            known_rows, known_bytes = accounts.get(name, (0, 0))
            accounts[name] = min(known_rows + rows, _MOST), min(known_bytes + bytes, _MOST)

    def io(self, input_bytes: int, output_bytes: int) -> TaskIo | None:
        """Return the account, beside the sizes of the payloads; None where the task said nothing."""
        if self._io is None:
            return None
        with self._lock:
            found = [DatasetIo(dataset=name, rows=rows, bytes=size) for name, (rows, size) in self._io.items()]
        return TaskIo(input_bytes=input_bytes, output_bytes=output_bytes, datasets=found)

    def close(self) -> None:
        """Ship what was printed without an end of line, and how much was cut."""
        if self._part:
            with self._lock:
                self._end_line()
        if self._cut_lines:
            with self._lock:
                text = f"[cut: {self._cut_lines} lines of {self._cut_bytes} bytes were dropped]"
                self._cut_lines = self._cut_bytes = 0
            self._ship("warning", text)

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
            self._cut_lines += 1
            self._cut_bytes += len(message)
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
        if output is None or _ours(record):
            return
        try:
            output.line(record.levelname.lower(), record.getMessage())
        except (TypeError, ValueError):
            self.handleError(record)


def _ours(record: logging.LogRecord) -> bool:
    return record.name.partition(".")[0] == "headrace"


def _of_an_attempt(record: logging.LogRecord) -> bool:
    return _output.get() is not None and not _ours(record)


@contextmanager
def captured() -> Iterator[None]:
    """Take what attempts print and log, within the block."""
    streams = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _Stream(streams[0]), _Stream(streams[1])
    handler = _Handler()
    logging.getLogger().addHandler(handler)
    ours_again = leave_out(_of_an_attempt)  # the worker's own log need not ship them a second time
    try:
        yield
    finally:
        ours_again()
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
