"""The only module that imports OpenTelemetry; `telemetry` loads it when a variable asks for it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from opentelemetry.metrics import CallbackOptions, Meter, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, MetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    ConsoleSpanExporter,
    SimpleSpanProcessor,
    SpanExporter,
    SpanExportResult,
)
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from headrace.runtime import metrics as numbers
from headrace.runtime.telemetry import FILE_EXPORTER, TRACE_FILE, Attributes, TelemetryError

_NS_PER_MS = 1_000_000
_PROPAGATOR = TraceContextTextMapPropagator()


class FileExporter(SpanExporter):
    """Appends each span as one JSON line; one write a line, so that several processes may share the file."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Write the spans."""
        for span in spans:
            os.write(self._descriptor, json.dumps(span_line(span)).encode() + b"\n")
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def span_line(span: ReadableSpan) -> dict[str, object]:
    """Return what stands in the file about a span."""
    context = span.get_span_context()
    assert context is not None
    return {
        "trace_id": f"{context.trace_id:032x}",
        "span_id": f"{context.span_id:016x}",
        "parent_id": f"{span.parent.span_id:016x}" if span.parent else "",
        "name": span.name,
        "kind": span.kind.name.lower(),
        "service": span.resource.attributes.get("service.name", ""),
        "start_ns": span.start_time,
        "end_ns": span.end_time,
        "status": span.status.status_code.name.lower(),
        "attributes": dict(span.attributes or {}),
    }


class Exporting:
    """Tracing and metrics of one process, as the environment asks for them."""

    def __init__(self, service: str, *, traces: str, metrics: str) -> None:
        self.traces = traces != "none"
        given = os.environ.get("OTEL_SERVICE_NAME")
        resource = Resource.create({"service.name": given or service, "service.namespace": "headrace"})
        self._tracers = TracerProvider(resource=resource)
        if self.traces:
            self._tracers.add_span_processor(_span_processor(traces))
        self._tracer = self._tracers.get_tracer("headrace")
        self._meters: MeterProvider | None = None
        if metrics != "none":
            reader = PeriodicExportingMetricReader(_metric_exporter(metrics))
            self._meters = MeterProvider(metric_readers=[reader], resource=resource)
            meter = self._meters.get_meter("headrace")
            numbers.follow(lambda metric: _instrument(meter, metric))

    @contextmanager
    def span(self, name: str, parent: str, attributes: Attributes, kind: str) -> Iterator[str]:
        """Open a span for a block and yield its traceparent."""
        span = self._open(name, parent, attributes, kind, None)
        try:
            yield _traceparent(span)
        except BaseException as error:
            span.record_exception(error)
            span.set_status(Status(StatusCode.ERROR, str(error)))
            raise
        finally:
            span.end()

    def record(
        self, name: str, parent: str, attributes: Attributes, kind: str, start_ms: int, end_ms: int, error: str
    ) -> str:
        """Record a span that is over and return its traceparent."""
        span = self._open(name, parent, attributes, kind, start_ms * _NS_PER_MS)
        if error:
            span.set_status(Status(StatusCode.ERROR, error))
        span.end(max(start_ms, end_ms) * _NS_PER_MS)
        return _traceparent(span)

    def close(self) -> None:
        """Send what has not been sent."""
        self._tracers.shutdown()
        if self._meters is not None:
            self._meters.shutdown()

    def _open(self, name: str, parent: str, attributes: Attributes, kind: str, start_ns: int | None) -> Span:
        context = _PROPAGATOR.extract({"traceparent": parent}) if parent else None
        kept = {key: value for key, value in attributes.items() if value != ""}
        return self._tracer.start_span(name, context, SpanKind[kind.upper()], kept, start_time=start_ns)


def _instrument(meter: Meter, metric: numbers.Metric) -> None:
    make = meter.create_observable_counter if metric.kind == "counter" else meter.create_observable_gauge
    make(metric.name, [_observer(metric)], metric.unit, metric.description)


def _observer(metric: numbers.Metric) -> Callable[[CallbackOptions], Iterable[Observation]]:
    return lambda _options: [Observation(value, dict(labels)) for labels, value in metric.series()]


def _span_processor(exporter: str) -> SpanProcessor:
    if exporter == FILE_EXPORTER:
        path = os.environ.get(TRACE_FILE)
        if not path:
            raise TelemetryError(f"Expected {TRACE_FILE} to name a file, since OTEL_TRACES_EXPORTER is {FILE_EXPORTER}")
        return SimpleSpanProcessor(FileExporter(Path(path)))
    if exporter == "console":
        return SimpleSpanProcessor(ConsoleSpanExporter())
    _expect_http(os.environ)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return BatchSpanProcessor(OTLPSpanExporter())


def _metric_exporter(exporter: str) -> MetricExporter:
    if exporter == "console":
        return ConsoleMetricExporter()
    _expect_http(os.environ)
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

    return OTLPMetricExporter()


def _expect_http(environ: Mapping[str, str]) -> None:
    protocol = environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
    if protocol != "http/protobuf":
        raise TelemetryError(f"Expected OTEL_EXPORTER_OTLP_PROTOCOL to be http/protobuf, but found {protocol!r}")


def _traceparent(span: Span) -> str:
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier, set_span_in_context(span))
    return carrier.get("traceparent", "")
