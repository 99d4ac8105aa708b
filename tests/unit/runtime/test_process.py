"""Shutdown, readiness and logs, seen from outside in a process of their own where signals are involved."""

from __future__ import annotations

import io
import json
import logging
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.runtime import health
from headrace.runtime import logging as logs

WAITING = """
from headrace.runtime.shutdown import stop_event
stop = stop_event()
print("waiting", flush=True)
stop.wait()
print("stopping", flush=True)
import threading
threading.Event().wait()
"""


def _start(code: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_sets_the_event_and_a_second_one_ends_the_process(number: signal.Signals) -> None:
    with _start(WAITING) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(number)
        assert process.stdout.readline() == "stopping\n"
        process.send_signal(number)
        assert process.wait(20) == -number


def test_ready_touches_the_file_that_was_asked_for(tmp_path: Path) -> None:
    health.ready({"HEADRACE_READY_FILE": str(tmp_path / "ready")})
    assert (tmp_path / "ready").exists()


def test_ready_without_a_file_does_nothing_and_with_an_impossible_one_fails(tmp_path: Path) -> None:
    health.ready({})
    with pytest.raises(OSError, match="No such file"):
        health.ready({"HEADRACE_READY_FILE": str(tmp_path / "missing" / "ready")})


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure("decision", stream)
    yield stream
    root.handlers[:] = before
    root.setLevel(level)


def test_a_line_carries_service_level_time_and_message(lines: io.StringIO) -> None:
    logging.getLogger("headrace.shard").warning("shard %d is late", 3, extra={"shard": 3})
    line = json.loads(lines.getvalue())
    assert line.pop("at").endswith("Z")
    assert line == {
        "level": "warning",
        "service": "decision",
        "logger": "headrace.shard",
        "message": "shard 3 is late",
        "shard": 3,
    }


def test_ids_of_the_context_stand_on_every_line_within_it_and_on_none_after_it(lines: io.StringIO) -> None:
    traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with logs.bind(workflow_id="w-1", traceparent=traceparent), logs.bind(run_id="r-1", task=""):
        logging.getLogger().info("inside")
    logging.getLogger().info("outside")
    inside, outside = map(json.loads, lines.getvalue().splitlines())
    assert (inside["workflow_id"], inside["run_id"]) == ("w-1", "r-1")
    assert inside["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    assert inside["span_id"] == "b7ad6b7169203331"
    assert "task" not in inside
    assert not {"workflow_id", "run_id", "trace_id"} & set(outside)


def test_an_exception_is_on_the_same_line(lines: io.StringIO) -> None:
    try:
        raise ValueError("no\nwater")
    except ValueError:
        logging.getLogger().exception("the wheel stands")
    (text,) = lines.getvalue().splitlines()
    assert "ValueError: no\nwater" in json.loads(text)["exception"]


def test_an_unknown_level_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_LOG_LEVEL", "loud")
    with pytest.raises(ValueError, match=r"HEADRACE_LOG_LEVEL.*'LOUD'"):
        logs.configure("decision", io.StringIO())


@pytest.mark.parametrize("text", ["", "00", "00-short-b7ad6b7169203331-01", "garbage-garbage"])
def test_what_is_no_traceparent_gives_no_ids(text: str) -> None:
    assert logs.trace_ids(text) == ("", "")
