"""OpenTelemetry, by the standard `OTEL_*` variables; off by default, and then nothing of it is even imported.

A trace travels as a W3C `traceparent` in record headers and in the `trace` field of events. `start_span` yields the
traceparent to hand on; while tracing is off it hands on what it was given, so that a client's trace survives services
that do not trace.

Exporters: `otlp` (HTTP), `console`, `none`, and `headrace_file`, which appends one JSON line a span to the file named
by `HEADRACE_TRACE_FILE` (several processes may share it).
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from headrace.runtime import logging as logs

if TYPE_CHECKING:
    from headrace.runtime.telemetry_export import Exporting

Attributes = Mapping[str, str | int | float | bool]
TRACE_FILE = "HEADRACE_TRACE_FILE"
FILE_EXPORTER = "headrace_file"
_SIGNALS = ("TRACES", "METRICS")
_exporting: Exporting | None = None


class TelemetryError(ValueError):
    """The `OTEL_*` variables ask for something that cannot be had; the text says what to do."""


def exporter_of(signal: str, environ: Mapping[str, str] | None = None) -> str:
    """Return the exporter of `TRACES` or `METRICS`: `otlp`, `console`, `headrace_file` or `none`.

    As the specification has it, an endpoint alone asks for `otlp`; unlike it, nothing at all asks for none.

    Raises:
        TelemetryError: it is none that we have.
    """
    source = os.environ if environ is None else environ
    if source.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return "none"
    endpoints = ("OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
    name = source.get(f"OTEL_{signal}_EXPORTER") or ("otlp" if any(source.get(e) for e in endpoints) else "none")
    known = ("otlp", "console", "none", *((FILE_EXPORTER,) if signal == "TRACES" else ()))
    if name not in known:
        raise TelemetryError(f"Expected OTEL_{signal}_EXPORTER to be one of {', '.join(known)}, but found {name!r}")
    return name


def configure(service: str) -> None:
    """Set telemetry up for this process, once, at its start. Costs nothing when no variable asks for it.

    Raises:
        TelemetryError: a variable asks for an exporter or a package that is not there.
    """
    global _exporting
    chosen = {signal: exporter_of(signal) for signal in _SIGNALS}
    if _exporting is not None or set(chosen.values()) == {"none"}:
        return
    if importlib.util.find_spec("opentelemetry.sdk") is None:
        raise TelemetryError(
            "Expected the package opentelemetry-sdk, since OTEL_* variables ask for telemetry, but it is not "
            "installed; install headrace[telemetry]"
        )
    from headrace.runtime.telemetry_export import Exporting

    _exporting = Exporting(service, traces=chosen["TRACES"], metrics=chosen["METRICS"])


def tracing() -> bool:
    """Tell whether spans go anywhere: code that would have to work for its attributes asks first."""
    return _exporting is not None and _exporting.traces


@contextmanager
def start_span(
    name: str, parent_traceparent: str = "", attributes: Attributes | None = None, kind: str = "internal"
) -> Iterator[str]:
    """Open a span for a block of code and yield the traceparent to hand on. An exception marks the span as failed.

    `kind` is `internal`, `producer`, `consumer`, `client` or `server`. Lines logged within the block carry the trace's
    id.
    """
    if _exporting is None or not _exporting.traces:
        if not parent_traceparent:
            yield ""
            return
        with logs.bind(traceparent=parent_traceparent):
            yield parent_traceparent
        return
    with (
        _exporting.span(name, parent_traceparent, attributes or {}, kind) as traceparent,
        logs.bind(traceparent=traceparent),
    ):
        yield traceparent


def record_span(
    name: str,
    parent_traceparent: str = "",
    attributes: Attributes | None = None,
    *,
    start_ms: int,
    end_ms: int,
    kind: str = "internal",
    error: str = "",
) -> str:
    """Record a span that is over, from times in ms since the epoch, and return its traceparent.

    For what is known only afterwards: how long a task waited, from its event to its assignment.
    """
    if _exporting is None or not _exporting.traces:
        return parent_traceparent
    return _exporting.record(name, parent_traceparent, attributes or {}, kind, start_ms, end_ms, error)


def shutdown() -> None:
    """Send what has not been sent. Called at the end of the process by itself; tests call it to see everything."""
    global _exporting
    if _exporting is not None:
        _exporting.close()
        _exporting = None
