"""One child process: started so that it cannot outlive us, logged to a file, stopped politely and then firmly.

Theory of operation
- `launch.py` asks the kernel to signal the child when the *thread* that started it ends, however it ends (`kill -9`
  included). So children must be started from a thread that lives as long as they should: the main thread.
- Every child leads a session of its own. Ctrl-C in the terminal reaches only us, and we stop the children in order;
  a child's own children are in its process group, and go with it when it must be killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from headrace.local.errors import LocalStackError

_LAUNCH = str(Path(__file__).with_name("launch.py"))
_POLL_S = 0.02
_LOG_TAIL_LINES = 12
# A log that is larger than this when its child starts is put aside; one older log is kept.
_LOG_LIMIT_BYTES = 20_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """An unprivileged user that a child runs as; only root can ask for that."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSpec:
    """How to start and stop one child. `log_path` receives stdout and stderr, appended."""

    name: str
    command: Sequence[str]
    log_path: Path
    environment: Mapping[str, str]
    working_dir: Path | None = None
    user: User | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    # Sent by the kernel when we die. SIGKILL leaves no room for a child that hangs in its shutdown; every child of
    # ours must survive a kill anyway.
    death_signal: signal.Signals = signal.SIGKILL
    stop_grace_s: float = 15.0
    # The child creates this file when it is ready to work; removed before it starts.
    ready_file: Path | None = None


class Child:
    """A running (or ended) process of a ChildSpec."""

    def __init__(self, spec: ChildSpec) -> None:
        """Start it. Returns at once; `poll` tells whether it still runs."""
        self.spec = spec
        if spec.ready_file is not None:
            spec.ready_file.unlink(missing_ok=True)
        _put_aside(spec.log_path)
        uid, gid = (spec.user.uid, spec.user.gid) if spec.user else (-1, -1)
        numbers = [str(number) for number in (os.getpid(), int(spec.death_signal), uid, gid)]
        with open(spec.log_path, "ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", _LAUNCH, *numbers, *spec.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(spec.environment),
                cwd=spec.working_dir,
                start_new_session=True,
            )
        self.started_at = time.monotonic()

    @property
    def pid(self) -> int:
        return self._process.pid

    def poll(self) -> int | None:
        """The exit code (negative: the signal that killed it), or None while it runs."""
        return self._process.poll()

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the child alone; nothing happens when it has ended."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """End the child and its process group at once, and reap it. Nothing happens when it has ended."""
        if self.poll() is not None:
            return  # Reaped: its number, and so its group's, may belong to somebody else by now.
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            # It has not led a group of its own yet, or the group has another user's process in it.
            self._process.kill()
        self._process.wait()

    def is_announced(self) -> bool:
        """Whether the child has created its ready file."""
        return self.spec.ready_file is not None and self.spec.ready_file.exists()

    def require_running(self) -> None:
        """Raise LocalStackError with the end of its log when the child has ended."""
        code = self.poll()
        if code is not None:
            raise LocalStackError(
                f"Expected {self.spec.name} to run, but it ended with {describe_exit(code)}. "
                f"Its log is {self.spec.log_path}; the last lines:\n{tail(self.spec.log_path)}"
            )


def stop_children(children: Sequence[Child], *, at_once: Callable[[], bool] = lambda: False) -> None:
    """Ask all of them to stop, wait for each as long as its grace allows, then kill what is left.

    `at_once` is asked while waiting: True ends the wait (a second Ctrl-C).
    """
    for child in children:
        child.send(child.spec.stop_signal)
    asked_at = time.monotonic()
    waiting = [child for child in children if child.poll() is None]
    while waiting:
        waited_s = time.monotonic() - asked_at
        for child in waiting:
            if at_once() or waited_s > child.spec.stop_grace_s:
                child.kill()
        waiting = [child for child in waiting if child.poll() is None]
        if waiting:
            time.sleep(_POLL_S)


def describe_exit(code: int) -> str:
    """A readable exit code: `exit code 1` or `signal SIGKILL`."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"


def tail(path: Path, lines: int = _LOG_TAIL_LINES) -> str:
    """The last lines of a log, indented; a few KiB at most."""
    try:
        with open(path, "rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(0, size - 8192))
            text = log.read().decode("utf-8", errors="replace")
    except OSError:
        return "    (no log)"
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:]) or "    (the log is empty)"


def _put_aside(log_path: Path) -> None:
    if log_path.exists() and log_path.stat().st_size > _LOG_LIMIT_BYTES:
        log_path.replace(log_path.with_suffix(".log.1"))
