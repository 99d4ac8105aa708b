"""`headrace dev` as a child of this process: how demo, benchmarks and whole-system tests get a stack of their own.

It is the same command that people type, so what runs here is what runs there. It dies with us, however we end.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from headrace.local.errors import LocalStackError
from headrace.local.process import Child, ChildSpec, stop_children, tail
from headrace.local.state import StateDir
from headrace.runtime.settings import Settings

# The first start on a machine fetches Kafka's jars, over a slow line perhaps; later ones take seconds.
READY_TIMEOUT_S = 900.0
# It stops its own children one group after the other, each with a grace of its own.
_STOP_GRACE_S = 60.0
_POLL_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class DevStack:
    """A running stack: its addresses, as dev.json gives them."""

    kafka: str
    api: str
    postgres: str
    namespace: str
    state: StateDir
    child: Child

    def pids(self) -> dict[str, int]:
        """The process ids by name as they are now."""
        found: dict[str, int] = json.loads(self.state.dev_json.read_text(encoding="utf-8"))["pids"]
        return found

    def settings(self) -> Settings:
        """Settings for a client of this stack, whatever the environment says about another one."""
        return msgspec.structs.replace(
            Settings.load(), kafka=self.kafka, api=self.api, namespace=self.namespace, state=str(self.state.root)
        )


@contextmanager
def running_dev(
    state: Path,
    *,
    apps: Sequence[str] = (),
    workers: int = 1,
    slots: int | None = None,
    fresh: bool = False,
    environment: Mapping[str, str] | None = None,
    say: Callable[[str], None] = lambda _line: None,
    timeout_s: float = READY_TIMEOUT_S,
) -> Iterator[DevStack]:
    """Run a stack inside the `with` block; on the way out everything has stopped. Call it from the main thread.

    Args:
        state: its state directory.
        apps: modules or files, as for `headrace dev --app`.
        workers: how many worker processes.
        slots: of each worker; None takes its default.
        fresh: begin without the data of earlier runs.
        environment: added to ours, for the stack and all of its services.
        say: gets each line that the stack prints until it is ready.
        timeout_s: how long it may take to be ready.

    Raises:
        LocalStackError: it ended, or was not ready in time.
    """
    folder = StateDir(state.absolute())
    folder.create()
    log_path = folder.root / "dev.log"  # Not among the other logs: `--fresh` removes those, and we read this one.
    begin = log_path.stat().st_size if log_path.exists() else 0
    command = [sys.executable, "-m", "headrace", "dev", "--json", "--state", str(folder.root)]
    command += ["--workers", str(workers)] + ([] if slots is None else ["--slots", str(slots)])
    command += (["--fresh"] if fresh else []) + [part for app in apps for part in ("--app", app)]
    spec = ChildSpec(
        name="headrace dev",
        command=command,
        log_path=log_path,
        environment={**os.environ, **(environment or {})},
        death_signal=signal.SIGTERM,
        stop_grace_s=_STOP_GRACE_S,
    )
    # The announcement holds a password, as dev.json does: for the owner only.
    os.close(os.open(log_path, os.O_WRONLY | os.O_CREAT, 0o600))
    child = Child(spec)
    try:
        found = _wait_until_ready(child, begin, say, timeout_s)
        yield DevStack(
            kafka=found["kafka"],
            api=found["api"],
            postgres=found["postgres"],
            namespace=found["namespace"],
            state=folder,
            child=child,
        )
    finally:
        stop_children([child])


def _wait_until_ready(child: Child, begin: int, say: Callable[[str], None], timeout_s: float) -> dict[str, Any]:
    """The announcement that it prints. `begin` is where its part of the log begins."""
    deadline = time.monotonic() + timeout_s
    rest = b""
    position = begin
    while True:
        ended = child.poll() is not None
        new, position = _read_from(child.spec.log_path, position)
        *lines, rest = (rest + new).split(b"\n")
        for line in lines:
            if line.startswith(b'{"ready"'):
                announcement: dict[str, Any] = json.loads(line)
                return announcement
            say(line.decode("utf-8", errors="replace"))
        if ended:
            child.require_running()
        if time.monotonic() > deadline:
            raise LocalStackError(
                f"Expected headrace dev to be ready within {timeout_s:g} s, but it was not. Its log is "
                f"{child.spec.log_path}; the last lines:\n{tail(child.spec.log_path)}"
            )
        time.sleep(_POLL_S)


def _read_from(path: Path, position: int) -> tuple[bytes, int]:
    with open(path, "rb") as log:
        log.seek(position)
        return log.read(), log.tell()
