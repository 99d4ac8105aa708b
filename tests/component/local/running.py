"""A `headrace dev` with stub services in a process of its own, and what it says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.local.postgres_home import remove_home
from tests.component.local.conditions import is_running, wait_until

COMMAND = [sys.executable, "-m", "tests.component.local.stub_dev"]
_CHECKOUT = Path(__file__).parents[3]
# Quick restarts; page cache, since nobody cuts the power here.
ENVIRONMENT = {
    **{name: text for name, text in os.environ.items() if not name.startswith("HEADRACE_")},
    "HEADRACE_LOCAL_DURABILITY": "page-cache",
    "HEADRACE_LOCAL_RESTART_PAUSE_MS": "100",
    "PYTHONPATH": str(_CHECKOUT),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningDev:
    """The process and where it writes."""

    process: subprocess.Popen[str]
    state: Path
    stderr_path: Path

    def announced(self) -> dict[str, Any]:
        """dev.json as it stands now."""
        found = json.loads((self.state / "dev.json").read_text("utf-8"))
        assert isinstance(found, dict)
        return found

    def pids(self) -> dict[str, int]:
        """The pids in dev.json."""
        return dict(self.announced()["pids"])

    def stderr(self) -> str:
        """What it has said so far."""
        return self.stderr_path.read_text("utf-8")

    def wait_ready(self) -> None:
        """Wait for dev.json; fail with what it said when it ends before."""
        wait_until(
            f"dev.json, but it said:\n{self.stderr()}",
            lambda: (self.state / "dev.json").exists() or self.process.poll() is not None,
        )
        assert self.process.poll() is None, self.stderr()


@contextmanager
def running_dev(state: Path, *flags: str, environment: Mapping[str, str] | None = None) -> Iterator[RunningDev]:
    """Start it and wait until it is ready; whatever is left of it afterwards is killed, data included."""
    stderr_path = state.parent / f"{state.name}.stderr"
    (state / "dev.json").unlink(missing_ok=True)  # A killed one has left its own: it would look ready at once.
    with open(stderr_path, "w", encoding="utf-8") as stderr:
        process = subprocess.Popen(
            [*COMMAND, str(state), *flags],
            env={**ENVIRONMENT, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    dev = RunningDev(process=process, state=state, stderr_path=stderr_path)
    try:
        dev.wait_ready()
        yield dev
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def wait_gone(pids: Mapping[str, int]) -> None:
    """Wait until none of them runs."""
    wait_until(f"all of {pids} have ended", lambda: not any(is_running(pid) for pid in pids.values()))


@contextmanager
def removed_afterwards(state: Path) -> Iterator[Path]:
    """For root, Postgres' data lies outside of the state directory: take it away with it."""
    try:
        yield state
    finally:
        remove_home(state / "postgres")
