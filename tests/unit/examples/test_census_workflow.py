"""The census as a workflow in memory, its report, and the listener's account."""

from __future__ import annotations

import html.parser
import re
from pathlib import Path
from typing import Any

import pytest

from examples.census import tasks
from examples.census.listeners import account, account_line
from examples.census.report import unfinished
from headrace.authoring.event import Event
from headrace.testing import run_workflow
from tests.unit.examples.sources_tree import COUNTED, UNPARSABLE, make_tree

CENSUS = Path(tasks.__file__).with_name("census.yaml")
TASKS = {
    task.name: task.function
    for task in (tasks.list_sources, tasks.measure, tasks.summarise, tasks.report, tasks.tidy_up)
}


def run(root: Path, report: Path, replaced: dict[str, Any] | None = None) -> Any:
    return run_workflow(
        CENSUS, {"root": str(root), "report": str(report)}, {**TASKS, **(replaced or {})}, workflow_id="census-1"
    )


def test_the_workflow_counts_and_reports(tmp_path: Path) -> None:
    report = tmp_path / "out" / "report.html"
    result = run(make_tree(tmp_path / "tree"), report)
    assert (result.status, result.error, result.cause) == ("SUCCEEDED", None, None)
    assert result.output == {
        "files": len(COUNTED),
        "lines": result.output["lines"],
        "functions": 5,
        "classes": 2,
        "unparsable": len(UNPARSABLE),
        "report": str(report),
    }
    page = report.read_text(encoding="utf-8")
    for shown in ("census-1", *UNPARSABLE):
        assert shown in page
    assert not unfinished(report).exists()


def test_a_wrong_root_fails_the_workflow_with_the_reason(tmp_path: Path) -> None:
    result = run(tmp_path / "nowhere", tmp_path / "report.html")
    assert result.status == "FAILED"
    assert "NotADirectoryError" in f"{result.error} {result.cause}"


def test_a_report_that_was_cut_off_is_tidied_up(tmp_path: Path) -> None:
    report = tmp_path / "report.html"

    def cut_off(summary: Any, path: str, workflow: str) -> None:
        unfinished(Path(path)).write_text("<half", encoding="utf-8")
        raise OSError("disk full")

    assert run(make_tree(tmp_path / "tree"), report, {"report": cut_off}).status == "FAILED"
    assert not unfinished(report).exists()
    assert not report.exists()


class _Checker(html.parser.HTMLParser):
    """Notes what a page loads from elsewhere, and tags that are not closed."""

    VOID = frozenset({"meta"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loads += [f"{tag} {name}={value}" for name, value in attrs if name in ("src", "href", "srcset", "data")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_report_is_self_contained_and_escapes_what_it_shows(tmp_path: Path) -> None:
    root = make_tree(tmp_path / "tree")
    (root / "<b>&.py").write_bytes(b"print '<script>'\n")
    report = tmp_path / "report.html"
    assert run(root, report).status == "SUCCEEDED"
    page = report.read_text(encoding="utf-8")
    checker = _Checker()
    checker.feed(page)
    assert checker.open == []
    assert checker.loads == []
    assert not re.search(r"url\(|@import|<script|<b>&", page)
    assert "&lt;b&gt;&amp;" in page


def event(kind: str, **fields: Any) -> Event:
    data = {"workflow_id": "w", "node": "measure", "index": 7, "attempt": 1, "queue": "census", "at": 1_700_000_000_000}
    return Event(type=kind, id="1", at=1_700_000_000_000, key="w", data={**data, **fields})


SUCCEEDED = {"worker": "worker-1", "started_at": 1000}


@pytest.mark.parametrize(
    ("told", "line"),
    [
        (event("TaskSucceeded", **SUCCEEDED, ended_at=2999), None),
        (event("TaskSucceeded", **SUCCEEDED, ended_at=3000), "w measure[7] attempt 1 slow: 2000 ms on worker-1"),
        (event("TaskFailed", error="OSError", cause="gone\nmore"), "w measure[7] attempt 1 failed: OSError: gone"),
        (event("TaskTimedOut", timeout="heartbeat"), "w measure[7] attempt 1 timed out: heartbeat"),
    ],
)
def test_the_account_tells_of_slow_and_failed_tasks(told: Event, line: str | None) -> None:
    written = account_line(told, slow_ms=2000)
    assert written == (line and f"{line} (at 2023-11-14T22:13:20.000+00:00)")


def test_the_listener_appends_to_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "new" / "account.log"
    monkeypatch.setenv("CENSUS_ACCOUNT", str(path))
    monkeypatch.setenv("CENSUS_SLOW_MS", "2000")
    account(event("TaskTimedOut", timeout="heartbeat"))
    account(event("TaskSucceeded", **SUCCEEDED, ended_at=1001))
    account(event("TaskFailed", error="OSError", cause=""))
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 2
    assert "timed out" in lines[0]
    assert "no cause given" in lines[1]
