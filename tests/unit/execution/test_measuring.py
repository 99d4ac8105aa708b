"""How a worker and its machine are."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from headrace.authoring.gauges import gauge
from headrace_execution.worker.measuring import MOST_GAUGES, Measuring
from headrace_execution.worker.node import Node, busy_ticks, meminfo_bytes


def test_processors_are_busy_but_for_idle_and_waiting_time() -> None:
    assert busy_ticks("cpu  100 20 30 800 50 5 5 0 7 0\ncpu0 1 2 3 4\n") == (160, 1010)
    assert busy_ticks("") is None
    assert busy_ticks("intr 1 2 3 4 5 6\n") is None


def test_memory_is_in_bytes() -> None:
    text = "MemTotal:        2048 kB\nMemAvailable:    1024 kB\nHugePages_Total:       0\n"
    assert meminfo_bytes(text) == {"MemTotal": 2 * 1024**2, "MemAvailable": 1024**2}


def test_shares_are_of_the_time_since_the_last_reading(tmp_path: Path) -> None:
    (tmp_path / "stat").write_text("cpu  100 0 0 900 0 0 0 0\n")
    node = Node(tmp_path, tmp_path)
    (tmp_path / "stat").write_text("cpu  150 0 0 950 0 0 0 0\n")
    (tmp_path / "meminfo").write_text("MemTotal: 4 kB\nMemAvailable: 1 kB\n")
    figures = node.read()
    assert figures["cpu_percent"] == 50
    assert (figures["memory_total_bytes"], figures["memory_available_bytes"]) == (4_096, 1_024)
    assert "worker_memory_bytes" not in figures, "what cannot be read is left out"
    assert figures["disk_total_bytes"] >= figures["disk_free_bytes"] > 0


def test_a_measurement_is_told_once_and_what_breaks_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    @gauge
    def depth_rows() -> float:
        return 3

    @gauge
    def broken() -> float:
        raise OSError("gone")

    @gauge
    def endless() -> float:
        return float("inf")

    measuring = Measuring(Node(tmp_path, tmp_path), [depth_rows, broken, endless], 60)
    with caplog.at_level(logging.WARNING, "headrace.worker"):
        measuring.measure()
        measuring.measure()
    found = {each.name: each.value for each in measuring.take()}
    assert found["depth_rows"] == 3
    assert not {"broken", "endless"} & found.keys()
    assert len(caplog.records) == 1
    assert measuring.take() == []


def test_a_measurement_is_bounded(tmp_path: Path) -> None:
    def named(name: str) -> object:
        def value() -> float:
            return 1

        value.__name__ = name
        return gauge(value)

    measuring = Measuring(Node(tmp_path), [named(f"gauge_{number}") for number in range(200)], 60)  # type: ignore[misc]
    measuring.measure()
    assert len(measuring.take()) == MOST_GAUGES


def test_a_gauge_takes_nothing() -> None:
    def needs(value: int) -> float:
        return value

    async def later() -> float:
        return 1

    with pytest.raises(TypeError, match="to take nothing"):
        gauge(needs)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="plain function"):
        gauge(later)  # type: ignore[arg-type]
