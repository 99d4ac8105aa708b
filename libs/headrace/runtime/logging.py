"""Structured logs: one JSON object a line on stderr, with the ids of what the code is working on.

Modules log through the standard library (`logging.getLogger(__name__)`); `configure` decides once per process how
lines look. What a line is about comes from the context: `bind(workflow_id=...)` holds for a block of code, in threads
and coroutines alike.
"""

from __future__ import annotations

import contextvars
import json
import logging
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TextIO

LEVEL = "HEADRACE_LOG_LEVEL"
_EMPTY: dict[str, str] = {}
_context: contextvars.ContextVar[dict[str, str]] = contextvars.ContextVar("headrace_log_context", default=_EMPTY)
# What every LogRecord has anyway; anything else on it came in through `extra=` and belongs on the line.
# `ship` is for `log_shipping` alone.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "ship"}


@contextmanager
def bind(**ids: str) -> Iterator[None]:
    """Add ids (`workflow_id`, `run_id`, `task`, `traceparent`, ...) to every line logged within the block; empty ones
    are left out.
    """
    token = _context.set({**_context.get(), **{name: value for name, value in ids.items() if value}})
    try:
        yield
    finally:
        _context.reset(token)


def context() -> dict[str, str]:
    """Return the ids that lines logged here would carry."""
    return dict(_context.get())


def extras(record: logging.LogRecord) -> dict[str, object]:
    """Return what came in through `extra=`."""
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON: at, level, service, logger, message, then ids, extras and the traceback."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, object] = {
            "at": at.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
        }
        ids = dict(_context.get())
        trace_id, span_id = trace_ids(ids.pop("traceparent", ""))
        if trace_id:
            line |= {"trace_id": trace_id, "span_id": span_id}
        line |= ids
        line |= extras(record)
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = "".join(traceback.format_exception(*record.exc_info))
        return json.dumps(line, ensure_ascii=False, default=str)


def trace_ids(traceparent: str) -> tuple[str, str]:
    """Return the trace id and the span id of a W3C traceparent; two empty strings where it is none."""
    parts = traceparent.split("-")
    if len(parts) < 4 or len(parts[1]) != 32 or len(parts[2]) != 16:
        return "", ""
    return parts[1], parts[2]


def configure(service: str, stream: TextIO | None = None) -> None:
    """Send all logs of this process to stderr (or `stream`) as JSON lines; `HEADRACE_LOG_LEVEL` sets the level
    (default INFO).

    Raises:
        ValueError: the level is none that Python knows.
    """
    level = os.environ.get(LEVEL, "INFO").upper()
    if level not in logging.getLevelNamesMapping():
        known = ", ".join(logging.getLevelNamesMapping())
        raise ValueError(f"Expected {LEVEL} to be one of {known}, but found {level!r}")
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines(service))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # Both tell of every single request at INFO, which would drown what the service has to say.
    for chatty in ("httpx", "httpcore"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
