"""Setting a line of figures beside an earlier one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.__main__ import main
from benchmarks.compare import NotComparable, comparison, read_lines
from benchmarks.stack import circumstances
from benchmarks.standing import standing
from headrace.runtime.settings import Settings

LINE: dict[str, Any] = {
    "workload": "latency",
    "program": "graph",
    "durability": "fsync",
    "p50_ms": 12.0,
    "recovery_s": None,
    "cpu_ms_per_workflow": {"decision": 0.5},
    "lost": 0,
}


def test_the_last_line_of_the_same_variant_counts() -> None:
    other = LINE | {"program": "python", "p50_ms": 1.0}
    table = comparison(LINE | {"p50_ms": 6.0}, [LINE | {"p50_ms": 99.0}, LINE, other])
    rows = {row.split()[0]: row.split()[1:] for row in table.splitlines()[1:]}
    assert rows["p50_ms"] == ["12", "6", "0.50"]
    assert rows["cpu_ms_per_workflow"] == ["decision", "0.5", "0.5", "1.00"]
    # Nothing has no ratio, and what was not measured has no row.
    assert rows["lost"] == ["0", "0"]
    assert "recovery_s" not in rows


def test_without_the_same_variant_it_says_so() -> None:
    assert "nothing to compare with" in comparison(LINE, [LINE | {"durability": "page-cache"}])


def test_the_lines_of_a_run_are_read_and_anything_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "earlier"
    with pytest.raises(NotComparable, match="earlier"):
        read_lines(path)
    for text in ("nothing", "{broken", "{}"):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(NotComparable):
            read_lines(path)
    path.write_text(f"starting a stack\n{json.dumps(LINE)}\n", encoding="utf-8")
    assert read_lines(path) == [LINE]


@pytest.mark.parametrize("wrong", [["--count", "0"], ["--compare", "/nowhere"], ["--workload", "x"]])
def test_wrong_use_ends_before_anything_starts(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(wrong)
    assert ended.value.code == 2
    assert "error:" in capsys.readouterr().err


def test_settings_are_told_but_neither_addresses_nor_secrets() -> None:
    environment = {
        "HEADRACE_DECISION_SHARDS": "2",
        "HEADRACE_POSTGRES": "postgresql://u:p@h/d",
        "HEADRACE_KAFKA": "h:9092",
        "HEADRACE_KAFKA_CONFIG_SASL_PASSWORD": "p",
        "HEADRACE_KAFKA_CONFIG_LINGER_MS": "5",
        "HOME": "/",
    }
    told = circumstances(Settings(decision_shards=2), environment)["settings"]
    assert told["decision_shards"] == 2
    assert {name for name in told if name.startswith("HEADRACE")} == {
        "HEADRACE_DECISION_SHARDS",
        "HEADRACE_KAFKA_CONFIG_LINGER_MS",
    }
    assert "HOME" not in told


def test_where_we_stand_marks_what_is_reached() -> None:
    lines = [
        LINE | {"p50_ms": 5.5, "p99_ms": 20.0, "count": 500},
        LINE | {"program": "python", "p50_ms": 16.0, "p99_ms": None, "count": 500},
        LINE | {"workload": "recovery", "recovery_s": 3.0, "count": 2_000},
        LINE | {"durability": "page-cache", "p50_ms": 1.0, "count": 500},
    ]
    cells = {row.split(" | ")[0][2:]: row.split(" | ")[1:3] for row in standing(lines).splitlines()}
    assert cells["latency p50, 3 steps, ms"] == ["**5.5** ✓", "16.0"]
    assert cells["latency p99, 3 steps, ms"] == ["**20.0**", "-"]
    # 2,000 are not 100,000.
    assert cells["recovery of 100,000, s"] == ["-", "-"]
    assert cells["recovery of 2,000, s"] == ["3.0", "-"]
