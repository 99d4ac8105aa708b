"""The command line: exit codes, what stands on stdout and stderr, and never a traceback."""

from __future__ import annotations

import io
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headrace.cli.main import run
from tests.support.read_api import read_api

GRAPH = "apiVersion: headrace/v1\nname: small\ntasks:\n  one: {task: grind}\n"
WORKFLOW = {
    "id": "w-1",
    "name": "small",
    "version": "abc",
    "status": "FAILED",
    "reason": "",
    "input": {"grain": "rye"},
    "output": None,
    "error": "ValueError",
    "cause": "no water",
    "started_at": "2026-01-02T03:04:05.006Z",
    "ended_at": None,
    "attempt": 1,
    "tasks": {"FAILED": 1},
}


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """Neither Kafka nor a read API: addresses that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setenv("HEADRACE_KAFKA", address)
        monkeypatch.setenv("HEADRACE_API", f"http://{address}")
        monkeypatch.chdir(tmp_path)
        yield address


def outcome(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run a command line; returns its exit code, stdout and stderr."""
    code = run(arguments)
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return code, out, err


def test_validate_prints_name_and_version(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(GRAPH)
    code, out, err = outcome(capsys, "validate", "small.yaml", "--json")
    (found,) = json.loads(out)
    assert (code, err, found["name"], len(found["version"])) == (0, "", "small", 12)
    assert outcome(capsys, "validate", "small.yaml")[1] == f"small {found['version']} valid\n"


def test_problems_are_exit_2_with_file_and_line_and_nothing_on_stdout(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "bad.yaml").write_text("apiVersion: headrace/v1\nname: g\ntasks:\n  a: {task: t, needs: [b]}\n")
    (tmp_path / "bad.py").write_text("from headrace import workflow\n@workflow\nasync def w(ctx):\n    open('x')\n")
    code, out, err = outcome(capsys, "validate", "bad.yaml", "bad.py", "gone.py", "--json")
    assert (code, out) == (2, "")
    assert err.startswith("Error: bad.yaml:4: ")
    assert "bad.py:4: Expected no open() in a workflow" in err
    assert "gone.py: Expected a file, but there is none" in err


def test_validate_warns_of_a_file_without_a_workflow(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "grinding_only.py").write_text("from headrace import task\n@task\ndef grind(): ...\n")
    (tmp_path / "small.yaml").write_text(GRAPH)
    code, out, err = outcome(capsys, "validate", "small.yaml", "grinding_only.py", "--json")
    assert (code, [each["name"] for each in json.loads(out)]) == (0, ["small"])
    assert err == "Warning: no workflow in grinding_only.py\n"


@pytest.mark.parametrize("verb", ["validate", "deploy"])
def test_a_file_that_holds_nothing_of_ours_is_exit_2(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, verb: str
) -> None:
    (tmp_path / "empty_handed.py").write_text("GRAIN = 'rye'\n")
    (tmp_path / "small.yaml").write_text(GRAPH)
    code, out, err = outcome(capsys, verb, "small.yaml", "empty_handed.py")
    assert (code, out) == (2, "")
    assert err.startswith("Error: Expected at least one @workflow, @task, ")
    assert " in empty_handed.py, but found none" in err


@pytest.mark.parametrize("given", ["x", "-1", "nan", "inf"])
def test_a_time_out_that_is_none_is_refused_by_its_unit(capsys: pytest.CaptureFixture[str], given: str) -> None:
    code, _, err = outcome(capsys, "start", "small", "--timeout", given)
    assert (code, f"Expected seconds, but found '{given}'" in err) == (2, True)


def test_deploy_validates_before_it_looks_for_kafka(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("name: g\n")
    assert outcome(capsys, "deploy", "bad.yaml")[0] == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("start",),
        ("start", "small", "--if-exists", "replace"),
        ("start", "small", "--input", "{"),
        ("start", "small", "--input", "NaN"),
        ("start", "small", "--input", "@gone.json"),
        ("start", "small", "--id", "a b"),
        ("start", "small", "--timeout", "-1"),
        ("start", "@v1"),
        ("get", "a b"),
        ("cancel",),
        ("cancel", "w-1", "--where", "true"),
        ("list", "--limit", "0"),
        ("service", "nonsense"),
        ("service", "decision", "--app", "x.py"),
        ("service", "status", "--slots", "3"),
        ("dev", "--kafka-port", "0"),
        ("signal", "w-1"),
        ("signal",),
        ("signal", "w-1", "go", "--where", "true"),
        ("signal", "w-1", "go", "--data", "{"),
        ("signal", "w-1", ""),
        ("signal", "a b", "go"),
        ("pause",),
        ("resume", "w-1", "--where", "true"),
        ("migrate", "--to", "v2"),
        ("retry", "--from", "one"),
        ("retry", "w-1", "--input", "nonsense"),
        ("task",),
        ("task", "nonsense"),
        ("task", "complete"),
        ("task", "complete", "no-token", "--output", "1"),
        ("task", "complete", "no-token", "--output", "{"),
        ("task", "fail", "no-token"),
        ("task", "fail", "no-token", "--error", ""),
        ("task", "heartbeat", "no-token"),
    ],
)
def test_bad_input_and_usage_are_exit_2(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]) -> None:
    code, out, err = outcome(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err


def test_settings_that_do_not_fit_are_exit_2(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADRACE_DECISION_SHARDS", "many")
    code, _, err = outcome(capsys, "get", "w-1")
    assert (code, "HEADRACE_DECISION_SHARDS" in err) == (2, True)


def test_an_input_over_the_limit_is_refused_before_kafka_is_looked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADRACE_PAYLOAD_LIMIT_BYTES", "1024")
    monkeypatch.setenv("HEADRACE_BLOBS", "off")
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps("x" * 1023)))
    code, _, err = outcome(capsys, "start", "small", "--input", "-")
    assert code == 2
    assert "Expected an input of at most 1024 bytes" in err
    assert "but it has 1025" in err


@pytest.mark.parametrize("arguments", [("get", "w-1"), ("list",), ("history", "w-1"), ("logs", "w-1")])
def test_a_read_api_that_is_away_is_exit_3(
    capsys: pytest.CaptureFixture[str], nowhere: str, arguments: tuple[str, ...]
) -> None:
    code, out, err = outcome(capsys, *arguments, "--json")
    assert (code, out) == (3, "")
    assert f"Error: Expected the read API at http://{nowhere} to answer" in err


def test_get_shows_a_workflow_and_exits_0_whatever_its_status(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with read_api(lambda _path, _query: (200, WORKFLOW)) as api:
        monkeypatch.setenv("HEADRACE_API", api.address)
        code, out, _ = outcome(capsys, "get", "w-1", "--json")
        assert (code, json.loads(out)) == (0, WORKFLOW)
        shown = outcome(capsys, "get", "w-1")[1]
    assert 'input:      {"grain": "rye"}\n' in shown
    assert "output" not in shown


def test_no_such_workflow_is_exit_1(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with read_api(lambda _path, _query: (404, {"title": "Not found"})) as api:
        monkeypatch.setenv("HEADRACE_API", api.address)
        code, out, err = outcome(capsys, "get", "w-1", "--json")
    assert (code, out, err) == (1, "", "Error: Expected workflow w-1, but there is no such thing\n")


def test_lists_and_histories_for_people(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    event = {"at": "2026-01-02T03:04:05.006Z", "type": "TaskFailed", "run_id": "r", "detail": {"error": "ValueError"}}

    def answer(path: str, _query: dict[str, str]) -> tuple[int, Any]:
        items = [event] if path.endswith("/history") else [WORKFLOW, {**WORKFLOW, "id": "a-longer-id"}]
        return 200, {"items": items, "next_cursor": None, "lag_ms": 0}

    with read_api(answer) as api:
        monkeypatch.setenv("HEADRACE_API", api.address)
        listed = outcome(capsys, "list", "--status", "failed")[1].splitlines()
        as_json = json.loads(outcome(capsys, "list", "--json")[1])
        history = outcome(capsys, "history", "w-1")[1]
    assert [line.split()[0] for line in listed] == ["ID", "w-1", "a-longer-id"]
    assert [row["id"] for row in as_json] == ["w-1", "a-longer-id"]
    assert history == "2026-01-02T03:04:05.006Z  TaskFailed            error=ValueError\n"
    assert api.asked[0][1]["status"] == "FAILED"


def test_logs_by_time_with_filters_and_followed_to_the_end(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def line(offset: int, **fields: Any) -> dict[str, Any]:
        at = f"2026-01-02T03:04:0{offset}.000Z"
        return {"at": at, "level": "info", "source": "w", "partition": 0, "offset": offset, "message": "m", **fields}

    task = line(1, node="count", index=3, attempt=2, level="output")
    service = line(2, service="decision", source="box", fields={"exception": "Traceback: boom"})
    lines = [task, service, line(3, node="count", attempt=1)]
    looks = iter(range(1, 100))

    def answer(path: str, _query: dict[str, str]) -> tuple[int, Any]:
        if not path.endswith("/logs"):
            return 200, {**WORKFLOW, "status": "SUCCEEDED" if next(looks) > 2 else "RUNNING"}
        return 200, {"items": lines[: next(looks)], "next_cursor": None, "lag_ms": 0}

    monkeypatch.setattr("headrace.cli.commands.logs._PAUSE_S", 0)
    monkeypatch.setattr("headrace.cli.commands.logs._REST_S", 0)
    with read_api(answer) as api:
        monkeypatch.setenv("HEADRACE_API", api.address)
        followed = outcome(capsys, "logs", "w-1", "--follow", "--json")[1].splitlines()
        shown = outcome(capsys, "logs", "w-1", "--node", "count", "--from", "2026-01-02")[1]
    assert [json.loads(text) for text in followed] == lines
    assert [query.get("from") for path, query in api.asked if path.endswith("/logs")][1] == "2026-01-02T03:03:52+00:00"
    assert api.asked[-1][1] == {"from": "2026-01-02", "node": "count"}
    assert shown == (
        "2026-01-02T03:04:01.000Z  output   count[3]#2@w: m\n"
        "2026-01-02T03:04:02.000Z  info     decision@box: m\nTraceback: boom\n"
        "2026-01-02T03:04:03.000Z  info     count@w: m\n"
    )


def test_an_unexpected_error_is_one_line_that_tells_how_to_see_more(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with read_api(lambda _path, _query: (200, {"no": "items"})) as api:
        monkeypatch.setenv("HEADRACE_API", api.address)
        code, _, err = outcome(capsys, "list")
    assert (code, err) == (1, "Error: unexpected KeyError: 'items'; set HEADRACE_DEBUG=1 to see where\n")


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = outcome(capsys, "--help")
    assert code == 0
    for name in ("dev", "service", "validate", "deploy", "start", "get", "list", "history", "cancel", "terminate"):
        assert f"  {name} " in out


LIGHT = """
import sys
from headrace.cli.main import run
run(["get", "--help"])
import headrace
heavy = {"confluent_kafka", "fastavro", "httpx", "rich", "jsonata", "headrace.engine", "opentelemetry"}
print(sorted(heavy & set(sys.modules)))
"""


def test_a_command_imports_only_what_it_needs() -> None:
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_output_that_nobody_reads_any_more_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(GRAPH)
    command = f"{sys.executable} -m headrace validate small.yaml 2>err | true; cat err"
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("tasks", "expected"),
    [(None, (0, 0)), ({}, (0, 0)), ({"WAITING": 2, "RUNNING": 1, "SUCCEEDED": 3, "SKIPPED": 1}, (4, 7))],
)
def test_progress_counts_what_is_done(tasks: dict[str, int] | None, expected: tuple[int, int]) -> None:
    from headrace.cli.progress import tasks_done

    assert tasks_done({"tasks": tasks}) == expected


def test_a_service_that_cannot_run_says_so_in_its_log_and_as_a_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "headrace", "service", "status"], capture_output=True, text=True, timeout=60, check=False
    )
    logged, told = done.stderr.splitlines()
    assert (done.returncode, json.loads(logged)["level"], json.loads(logged)["service"]) == (2, "critical", "status")
    assert told.startswith("Error: Expected HEADRACE_POSTGRES to be a DSN")


REPLAYED = """
from __future__ import annotations
from headrace import task, workflow

@task
def grind(grain): return grain

@workflow
async def mill(ctx, grain):
    {before}
    return await ctx.run(grind, grain)
"""


@pytest.fixture
def history(tmp_path: Path) -> str:
    """A recorded run of `mill`."""
    rows = [
        {"type": "WorkflowStarted", "detail": {"name": "mill", "program": "python", "version": "v", "input": "rye"}},
        {
            "type": "TaskScheduled",
            "step": 0,
            "attempt": 1,
            "detail": {"node": "grind", "task": "grind", "input": "rye"},
        },
        {"type": "TaskSucceeded", "step": 0, "attempt": 1, "detail": {"node": "grind", "output": "flour"}},
        {"type": "WorkflowSucceeded", "detail": {"name": "mill", "output": "flour"}},
    ]
    common = {"workflow_id": "m-1", "run_id": "0-1", "at": "2026-01-02T03:04:05.006Z", "journal": "workflow.journal"}
    file = tmp_path / "m-1.json"
    file.write_text(json.dumps([{**common, **row} for row in rows]))
    return str(file)


def test_replay_says_which_histories_agree(capsys: pytest.CaptureFixture[str], tmp_path: Path, history: str) -> None:
    (tmp_path / "mill_same.py").write_text(REPLAYED.format(before="pass"))
    code, out, _ = outcome(capsys, "replay", history, "--app", "mill_same.py")
    assert (code, out) == (0, f"agrees  {history}: m-1 (mill), 1 steps, SUCCEEDED\n")
    code, out, _ = outcome(capsys, "replay", history, "--app", "mill_same.py", "--json")
    assert json.loads(out) == [
        {"history": history, "agrees": True, "id": "m-1", "name": "mill", "status": "SUCCEEDED", "steps": 1}
    ]


def test_replay_fails_where_the_code_parts(capsys: pytest.CaptureFixture[str], tmp_path: Path, history: str) -> None:
    (tmp_path / "mill_new.py").write_text(REPLAYED.format(before="await ctx.sleep(1)"))
    code, out, err = outcome(capsys, "replay", history, "--app", "mill_new.py")
    assert code == 1
    assert "Expected step 0 to be [task grind -1 grind], as recorded, but the code asks for [timer sleep -1]" in out
    assert "1 of 1 histories part" in err


def test_replay_of_what_it_cannot(capsys: pytest.CaptureFixture[str], tmp_path: Path, history: str) -> None:
    (tmp_path / "mill_other.py").write_text(REPLAYED.format(before="pass").replace("def mill", "def other"))
    code, _, err = outcome(capsys, "replay", history, "--app", "mill_other.py")
    assert (code, "Expected workflow mill" in err) == (2, True)
    code, _, err = outcome(capsys, "replay", "nowhere.json", "--app", "mill_other.py")
    assert (code, "nowhere.json" in err) == (2, True)
    (tmp_path / "some.json").write_text("{}")
    code, _, err = outcome(capsys, "replay", "some.json", "--app", "mill_other.py")
    assert (code, "headrace history ID --json --whole" in err) == (2, True)
