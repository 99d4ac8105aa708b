"""Commands as async tasks: started once, polled by anybody, ended with all that they have started."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headrace.authoring.outside import PENDING
from headrace.tasks import subprocess_task
from headrace.tasks.subprocess_task import CommandFailed, CommandLost, CommandNotStarted, Subprocess

COUNT = "import sys, pathlib; p = pathlib.Path(sys.argv[1]); p.write_text(p.read_text() + 'x' if p.exists() else 'x')"


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HEADRACE_STATE", str(tmp_path / "state"))


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "Expected the condition to hold in time"
        os.sched_yield()


def polled(command: Subprocess, handle: dict[str, Any]) -> Any:
    until(lambda: command.poll(handle) is not PENDING)
    return command.poll(handle)


def python(*arguments: str) -> list[str]:
    return [sys.executable, "-c", *arguments]


def test_it_returns_what_a_command_printed() -> None:
    code = "import os, sys; print(sys.stdin.read(), os.environ['MILL']); print('odd', file=sys.stderr)"
    result = asyncio.run(subprocess_task(python(code), env={"MILL": "wheel"}, stdin="race"))
    assert (result["exit_code"], result["stdout"], result["stderr"]) == (0, "race wheel\n", "odd\n")


def test_another_exit_code_fails_unless_it_is_not_checked() -> None:
    with pytest.raises(CommandFailed, match=r"found 3; stderr ends with:\nwhy"):
        asyncio.run(subprocess_task(python("import sys; print('why', file=sys.stderr); sys.exit(3)")))


def test_without_a_check_it_is_a_result() -> None:
    assert asyncio.run(subprocess_task(python("raise SystemExit(3)"), check=False))["exit_code"] == 3


def test_a_command_that_does_not_exist_is_not_tried_again() -> None:
    with pytest.raises(CommandNotStarted, match="FileNotFoundError"):
        asyncio.run(subprocess_task(["no-such-command"]))


def test_whoever_comes_with_the_same_key_finds_it(tmp_path: Path) -> None:
    file = tmp_path / "count"
    first, second = Subprocess(), Subprocess()
    assert first.find("key") is None
    handle = first.submit("key", python(COUNT, str(file)))
    assert second.find("key") == handle
    again = second.submit("key", python(COUNT, str(file)))
    assert polled(second, again)["exit_code"] == 0
    assert polled(first, handle)["exit_code"] == 0
    assert file.read_text() == "x", "it ran once"


def test_cancelled_it_ends_with_what_it_has_started(tmp_path: Path) -> None:
    command = Subprocess()
    inner = f"import pathlib, time; pathlib.Path({str(tmp_path / 'inner')!r}).touch(); time.sleep(600)"
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])"
    handle = command.submit("key", python(outer))
    until((tmp_path / "inner").exists)
    asyncio.run(command.cancel(handle))
    until(lambda: not runs(inner))
    with pytest.raises(CommandLost, match="has no end of it"):
        polled(command, handle)
    asyncio.run(command.cancel(handle))


def runs(code: str) -> bool:
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if code.encode() in process.read_bytes():
                return True
        except OSError:
            continue
    return False
