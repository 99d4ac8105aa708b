"""Telemetry: off at no cost, on by the standard variables; one trace over several processes; numbers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from headrace.runtime import metrics, telemetry

OFF = """
import sys
from headrace.runtime import telemetry
telemetry.configure("decision")
with telemetry.start_span("decide", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01") as handed_on:
    print(handed_on)
with telemetry.start_span("decide") as handed_on:
    print(repr(handed_on))
print(telemetry.record_span("wait", "as-it-was", start_ms=1, end_ms=2))
print([name for name in sys.modules if name.startswith("opentelemetry")])
"""
ON = """
import sys
from headrace.runtime import telemetry
telemetry.configure(sys.argv[1])
with telemetry.start_span("handle", sys.argv[2], {"workflow_id": "w-1", "empty": ""}, kind="consumer") as handed_on:
    print(telemetry.record_span("waited", handed_on, start_ms=1000, end_ms=1500, error="late"))
"""
NUMBERS = """
from headrace.runtime import metrics, telemetry
metrics.counter("headrace.shard.records", "Records written.").add(3, shard="0")
telemetry.configure("decision")
metrics.gauge("headrace.queue.ready", "Tasks that wait.").set(5, queue="census")
telemetry.shutdown()
"""


def _run(code: str, *arguments: str, **environment: str) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**clean, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_off_imports_nothing_and_hands_a_trace_on_as_it_came() -> None:
    assert _run(OFF).splitlines() == [
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "''",
        "as-it-was",
        "[]",
    ]


def test_a_trace_stays_whole_over_several_processes(tmp_path: Path) -> None:
    file = tmp_path / "spans.jsonl"
    environment = {"OTEL_TRACES_EXPORTER": "headrace_file", "HEADRACE_TRACE_FILE": str(file)}
    first = _run(ON, "decision", "", **environment).strip()
    _run(ON, "worker", first, **environment)
    spans = [json.loads(line) for line in file.read_text().splitlines()]
    assert len(spans) == 4
    assert len({span["trace_id"] for span in spans}) == 1
    assert {span["service"] for span in spans} == {"decision", "worker"}
    ids = {span["span_id"] for span in spans}
    roots = [span for span in spans if span["parent_id"] not in ids]
    assert [(root["name"], root["parent_id"], root["attributes"]) for root in roots] == [
        ("handle", "", {"workflow_id": "w-1"})
    ]
    waited = [span for span in spans if span["name"] == "waited"]
    assert [(span["end_ns"] - span["start_ns"], span["status"]) for span in waited] == [(500_000_000, "error")] * 2


def test_numbers_are_exported_whether_they_were_made_before_or_after() -> None:
    printed = _run(NUMBERS, OTEL_METRICS_EXPORTER="console")
    assert "headrace.shard.records" in printed
    assert "headrace.queue.ready" in printed
    assert '"queue": "census"' in printed


@pytest.mark.parametrize(
    ("environment", "traces", "numbers"),
    [
        ({}, "none", "none"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, "otlp", "otlp"),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://c:4318"}, "none", "otlp"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_TRACES_EXPORTER": "none"}, "none", "otlp"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_SDK_DISABLED": "true"}, "none", "none"),
        ({"OTEL_TRACES_EXPORTER": "console"}, "console", "none"),
    ],
)
def test_the_standard_variables_choose_the_exporter(environment: dict[str, str], traces: str, numbers: str) -> None:
    assert telemetry.exporter_of("TRACES", environment) == traces
    assert telemetry.exporter_of("METRICS", environment) == numbers


def test_an_unknown_exporter_is_refused() -> None:
    with pytest.raises(telemetry.TelemetryError, match=r"OTEL_TRACES_EXPORTER.*'zipkin'"):
        telemetry.exporter_of("TRACES", {"OTEL_TRACES_EXPORTER": "zipkin"})


def test_numbers_in_the_text_format() -> None:
    counted = metrics.counter("headrace.test.written", "Records.")
    counted.add(shard="1")
    counted.add(2, shard="1")
    metrics.gauge("headrace.test.level", "Water.").set(0.5, mill='the "old" one')
    text = metrics.prometheus_text()
    assert '# TYPE headrace_test_written_total counter\nheadrace_test_written_total{shard="1"} 3\n' in text
    assert 'headrace_test_level{mill="the \\"old\\" one"} 0.5\n' in text


def test_a_metric_has_a_bounded_number_of_series() -> None:
    counted = metrics.counter("headrace.test.many", "Too many labels.")
    for number in range(metrics.SERIES_LIMIT + 10):
        counted.add(workflow=str(number))
    assert len(counted.series()) == metrics.SERIES_LIMIT


def test_a_number_that_has_gone_is_removed() -> None:
    level = metrics.gauge("headrace.test.gone", "Of a shard that left.")
    level.set(4, shard="0")
    level.remove(shard="0")
    assert level.series() == []
