"""`subprocess`: a command, as an async task. It runs on after its worker has gone; the next one on that host polls on.

Each attempt has a folder under the state folder, named after its key, with the command, its output and its end. Whoever
comes with the same key finds it there, so a command is started once per attempt and host.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from headrace.authoring.async_tasks import async_task
from headrace.authoring.outside import PENDING
from headrace.authoring.retry import NonRetryable
from headrace.runtime.settings import Settings

_RUNNER = Path(__file__).with_name("run_command.py")
# The end of what a command prints is what people look for; the whole stays in its folder.
_TAIL_BYTES = 65_536
# What a process may take to start, on a machine that is busy.
_START_S = 60.0
# Folders of commands that have ended are kept for those who look for the whole output.
_KEPT_S = 7 * 86_400
# After SIGTERM; within the time that a cancelled task has to clean up.
_TERM_S = 1.5
_LOOK_S = 0.05

_started: list[subprocess.Popen[bytes]] = []
"""Runners that this process has started, so that it waits for those that have ended."""


class CommandFailed(Exception):
    """The command ended with another exit code than 0."""


class CommandNotStarted(NonRetryable):
    """There is no such command, or it cannot be run."""


class CommandLost(Exception):
    """The command has vanished without an end: its machine was restarted, or somebody killed it."""


class Subprocess:
    """Run a command; return `{"exit_code", "stdout", "stderr", "folder"}` with the last 64 KiB of what it printed.

    With `check` another exit code than 0 fails the attempt.
    """

    def __init__(self) -> None:
        self._is_swept = False

    def find(self, key: str) -> dict[str, Any] | None:
        """Return the handle of what was submitted under a key on this host."""
        folder = _folder(key)
        return json.loads((folder / "handle.json").read_text()) if (folder / "handle.json").exists() else None

    def submit(
        self,
        key: str,
        command: list[str],
        cwd: str = "",
        env: dict[str, str] | None = None,
        stdin: str = "",
        check: bool = True,  # noqa: FBT001, FBT002  it comes by name, from JSON
    ) -> dict[str, Any]:
        """Start the command."""
        folder = _folder(key)
        if not self._is_swept:
            self._is_swept = True
            _sweep(folder.parent)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / "stdin").write_text(stdin)
        (folder / "request.json").write_text(json.dumps({"command": command, "cwd": cwd, "env": env or {}}))
        # It has a session of its own: neither Ctrl-C nor the end of the worker is meant for it.
        runner = subprocess.Popen(
            [sys.executable, str(_RUNNER), str(folder)],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        _started.append(runner)
        handle = {"host": socket.gethostname(), "folder": str(folder), "check": check, "command": command[:1]}
        part = folder / "handle.json.part"
        part.write_text(json.dumps(handle))
        part.rename(folder / "handle.json")
        return handle

    def poll(self, handle: dict[str, Any]) -> Any:
        """Return how it ended, or that it runs."""
        _started[:] = [runner for runner in _started if runner.poll() is None]
        folder = Path(handle["folder"])
        ended = folder / "ended.json"
        if not ended.exists() and _may_run(handle) and not ended.exists():
            return PENDING
        if not ended.exists():
            raise CommandLost(f"Expected {handle['command']} on {handle['host']} to end, but {folder} has no end of it")
        end = json.loads(ended.read_text())
        if "error" in end:
            raise CommandNotStarted(f"Expected to run {handle['command']}, but {end['error']}")
        stdout, stderr = _tail(folder / "stdout"), _tail(folder / "stderr")
        if end["exit_code"] and handle["check"]:
            raise CommandFailed(f"Expected exit code 0, but found {end['exit_code']}; stderr ends with:\n{stderr}")
        return {"exit_code": end["exit_code"], "stdout": stdout, "stderr": stderr, "folder": str(folder)}

    async def cancel(self, handle: dict[str, Any]) -> None:
        """End the command with all that it has started: SIGTERM, then SIGKILL. On another host nothing can be done."""
        if handle["host"] != socket.gethostname():
            return
        deadline = time.monotonic() + _TERM_S
        how = signal.SIGTERM
        while (pid := _pid(handle)) is None or _is_alive(pid):
            if time.monotonic() >= deadline:
                how = signal.SIGKILL
            if pid is not None:
                _signal(pid, how)
            elif how == signal.SIGKILL:
                return  # it never started
            if pid is not None and how == signal.SIGKILL:
                return
            await asyncio.sleep(_LOOK_S)


def _folder(key: str) -> Path:
    return Path(Settings.load().state).resolve() / "subprocess" / hashlib.sha256(key.encode()).hexdigest()[:32]


def _may_run(handle: dict[str, Any]) -> bool:
    """Tell whether a command without an end may still come to one."""
    folder = Path(handle["folder"])
    if handle["host"] != socket.gethostname():
        return folder.exists()  # a folder that hosts share: its end will be seen
    pid = _pid(handle)
    if pid is not None:
        return _is_alive(pid)
    return folder.exists() and time.time() - (folder / "handle.json").stat().st_mtime < _START_S


def _pid(handle: dict[str, Any]) -> int | None:
    file = Path(handle["folder"]) / "pid"
    return int(file.read_text()) if file.exists() else None


def _is_alive(pid: int) -> bool:
    """Tell whether a runner of ours has this id: ids are given again after a restart."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return _answers(pid) if not Path("/proc/self").exists() else False
    return _RUNNER.name.encode() in command  # one that has ended and was not waited for has no command line


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def _signal(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return


def _tail(file: Path) -> str:
    with file.open("rb") as stream:
        stream.seek(max(file.stat().st_size - _TAIL_BYTES, 0))
        return stream.read(_TAIL_BYTES).decode("utf-8", "replace")


def _sweep(folder: Path) -> None:
    """Remove what has ended long ago."""
    for ended in folder.glob("*/ended.json") if folder.exists() else ():
        if time.time() - ended.stat().st_mtime > _KEPT_S:
            shutil.rmtree(ended.parent, ignore_errors=True)


subprocess_task = async_task(name="subprocess", poll_every="500ms", version="1")(Subprocess)
