"""Which `headrace dev` runs, as far as its dev.json and the processes in it tell."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from headrace.cli.main import run
from headrace.runtime.dev_json import default_stack_hint, missing_stack
from headrace.runtime.settings import Settings

NOBODY = "127.0.0.1:1"


@pytest.fixture
def dead_pid() -> int:
    """Of a process that has ended and was reaped."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty folder, and nothing in the environment that leads out of it."""
    for name in ("HEADRACE_KAFKA", "HEADRACE_API", "HEADRACE_STATE", "HEADRACE_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _announce(state: Path, **pids: int) -> None:
    state.mkdir(exist_ok=True)
    found = {"kafka": NOBODY, "api": f"http://{NOBODY}", "pids": pids}
    (state / "dev.json").write_text(json.dumps(found), "utf-8")


def test_a_stack_of_which_one_process_runs_is_found(here: Path, dead_pid: int) -> None:
    _announce(here / ".headrace", kafka=dead_pid, worker=os.getpid())
    assert Settings.load({}).kafka == NOBODY
    assert missing_stack({"HEADRACE_STATE": str(here / ".headrace")}) == ""
    assert default_stack_hint({}) == ""


def test_what_a_killed_stack_has_left_is_ignored(here: Path, dead_pid: int) -> None:
    _announce(here / ".headrace", kafka=dead_pid)
    assert Settings.load({}).kafka == Settings().kafka
    assert "No `headrace dev` runs in .headrace" in default_stack_hint({})


def test_a_process_that_nobody_has_reaped_does_not_run(here: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        _announce(here, kafka=process.pid)
        assert f"its process {process.pid} is gone" in missing_stack({"HEADRACE_STATE": str(here)})


@pytest.mark.parametrize("address", ["HEADRACE_KAFKA", "HEADRACE_API"])
def test_an_address_makes_the_folder_unimportant(here: Path, address: str) -> None:
    assert missing_stack({"HEADRACE_STATE": str(here)})
    assert missing_stack({"HEADRACE_STATE": str(here), address: "there:1"}) == ""
    assert default_stack_hint({address: "there:1"}) == ""


COMMANDS = [
    ["deploy", "flow.py"],
    ["start", "flow"],
    ["get", "w-1"],
    ["list"],
    ["history", "w-1"],
    ["logs", "w-1"],
    ["cancel", "w-1"],
    ["terminate", "w-1"],
]


@pytest.mark.parametrize("arguments", COMMANDS)
def test_commands_refuse_a_folder_in_which_nothing_runs(
    arguments: list[str], here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HEADRACE_STATE", str(here))
    assert run(arguments) == 3
    err = capsys.readouterr().err
    assert f"Expected a running `headrace dev` in {here}, but found no dev.json there; start it with" in err
    assert f"`headrace dev --state {here}`, or set HEADRACE_KAFKA and HEADRACE_API" in err


def test_commands_refuse_a_folder_whose_stack_was_killed(
    here: Path, dead_pid: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _announce(here, kafka=dead_pid)
    monkeypatch.setenv("HEADRACE_STATE", str(here))
    assert run(["get", "w-1"]) == 3
    assert f"but its process {dead_pid} is gone; start it with" in capsys.readouterr().err


def test_commands_that_need_no_stack_do_not_ask_for_one(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "small.yaml").write_text("apiVersion: headrace/v1\nname: small\ntasks:\n  one: {task: grind}\n", "utf-8")
    monkeypatch.setenv("HEADRACE_STATE", str(here))
    assert run(["validate", "small.yaml"]) == 0
    assert run(["get", "--help"]) == 0


def test_where_no_default_address_answers_the_missing_stack_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Settings, "load", lambda: Settings(kafka=NOBODY, api=f"http://{NOBODY}"))
    assert run(["get", "w-1"]) == 3
    err = capsys.readouterr().err
    assert "Expected the read API at" in err
    assert err.splitlines()[-1].startswith("No `headrace dev` runs in .headrace of this folder")
