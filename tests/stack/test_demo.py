"""The demo as a newcomer runs it, on the whole standard library, against an independent count."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
FIGURES = ("files", "lines", "functions", "classes", "unparsable")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def demo(state: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "examples.census.demo", "--state", str(state), *arguments]


def children_of(folder: Path) -> list[str]:
    """The command lines that name a folder: what a stack with its state in there still runs."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if os.fsencode(folder) in command:
                found.append(command.replace(b"\0", b" ").decode(errors="replace"))
    return found


def test_the_demo_counts_what_is_there_and_leaves_nothing_running(tmp_path: Path) -> None:
    ran = subprocess.run(demo(tmp_path / "state"), cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-4000:]
    last = json.loads(ran.stdout.splitlines()[-1])
    assert list(last) == ["id", "status", *FIGURES, "seconds", "report"]
    counted = subprocess.run(
        [sys.executable, "examples/census/count.py"], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    assert {name: last[name] for name in FIGURES} == json.loads(counted.stdout)
    assert last["status"] == "SUCCEEDED"
    assert last["seconds"] > 0
    report = Path(last["report"]).read_text(encoding="utf-8")
    assert f"{last['lines']:,}" in report and last["id"] in report
    account = (tmp_path / "state" / "account.log").read_text(encoding="utf-8").splitlines()
    assert account and all(line.startswith(f"{last['id']} ") for line in account)
    assert children_of(tmp_path) == []


def test_a_wrong_root_fails_the_demo_and_says_why(tmp_path: Path) -> None:
    nowhere = str(tmp_path / "nowhere")
    ran = subprocess.run(
        demo(tmp_path / "state", "--root", nowhere), cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 1, ran.stdout[-4000:] + ran.stderr[-4000:]
    last = json.loads(ran.stdout.splitlines()[-1])
    assert (last["status"], last["files"], last["report"]) == ("FAILED", None, None)
    assert "NotADirectoryError" in ran.stdout


def test_ctrl_c_stops_everything(tmp_path: Path) -> None:
    with subprocess.Popen(demo(tmp_path / "state"), cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("started "):
                break
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait() == 130
    assert rest.splitlines()[-1] == "stopped"
    assert children_of(tmp_path) == []
