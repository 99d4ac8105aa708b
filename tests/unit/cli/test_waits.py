"""`headrace get` says why a workflow waits."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headrace.cli.main import run
from headrace.cli.waits import SHOWN_TASKS, outside, texts
from tests.support.read_api import read_api

UNSERVED = {"name": "b", "index": None, "status": "UNSERVED", "queue": "default", "reason": "no worker offers task 'b'"}
WAITING = {"id": "w-1", "name": "mill", "status": "RUNNING", "reason": None, "tasks": {"SUCCEEDED": 1, "UNSERVED": 1}}
STUCK = {"id": "w-1", "name": "mill", "status": "STUCK", "reason": "KeyError: 'rye'", "tasks": {"UNSERVED": 1}}


def test_get_shows_unserved_tasks_with_their_reason_to_people_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(path: str, _query: dict[str, str]) -> tuple[int, Any]:
        return 200, {"items": [UNSERVED], "next_cursor": None} if path.endswith("/tasks") else WAITING

    with read_api(answer) as api:
        monkeypatch.setenv("HEADRACE_API", api.address)
        assert run(["get", "w-1"]) == 0
        assert capsys.readouterr().out.splitlines()[-1] == "waits: task b is UNSERVED: no worker offers task 'b'"
        assert api.asked[-1] == ("/api/v1/workflows/w-1/tasks", {"status": "UNSERVED", "limit": str(SHOWN_TASKS)})
        assert run(["get", "w-1", "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == WAITING


def test_get_shows_why_a_workflow_is_stuck(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with read_api(lambda _path, _query: (200, STUCK)) as api:
        monkeypatch.setenv("HEADRACE_API", api.address)
        assert run(["get", "w-1"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "waits: it is STUCK: KeyError: 'rye'"


def test_get_shows_what_a_workflow_published_and_how_a_paused_one_goes_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    paused = {"id": "w-1", "status": "PAUSED", "output": 0, "continued": 0, "search": {"customer": "c-7"}}
    shown = {**paused, "published": {"progress": {"data": {"done": 3}, "at": "2026-01-02T03:04:05.006Z"}}}
    with read_api(lambda _path, _query: (200, shown)) as api:
        monkeypatch.setenv("HEADRACE_API", api.address)
        assert run(["get", "w-1"]) == 0
    assert [line.split(":", 1)[0] for line in capsys.readouterr().out.splitlines()] == [
        *("id", "status", "output", "search", "published progress", "waits"),
    ]


def test_tasks_that_cannot_be_read_leave_their_count(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with read_api(lambda path, _query: (503, {}) if path.endswith("/tasks") else (200, WAITING)) as api:
        monkeypatch.setenv("HEADRACE_API", api.address)
        assert run(["get", "w-1"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "waits: 1 task is UNSERVED"


def test_a_few_tasks_stand_for_many() -> None:
    assert texts([{**UNSERVED, "index": 4, "reason": None}], 9) == [
        "task b[4] is UNSERVED: no worker offers it on queue 'default'",
        "8 more tasks are UNSERVED",
    ]
    assert texts([UNSERVED], 1) == ["task b is UNSERVED: no worker offers task 'b'"]


def test_what_a_workflow_waits_for_beside_workers() -> None:
    wait = {"name": "n", "step": 1, "target": None, "due_at": None, "reason": None}
    found = outside(
        [
            {**wait, "kind": "task"},
            {**wait, "kind": "timer", "due_at": "2026-01-02T03:04:05.006Z"},
            {**wait, "kind": "child", "target": "c-1"},
            {**wait, "kind": "signal", "name": None, "reason": "waits for a signal"},
            {**wait, "kind": "callback", "reason": "waits for its token"},
            {**wait, "kind": "signal", "target": "w-2", "reason": "w-2 has not taken the signal yet"},
            {**wait, "kind": "predicate"},
        ]
    )
    assert found == [
        "n sleeps until 2026-01-02T03:04:05.006Z",
        "child workflow c-1",
        "waits for a signal",
        "n waits for its token",
        "n w-2 has not taken the signal yet",
        "1 more",
    ]
