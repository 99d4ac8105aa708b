"""The whole stack as a user runs it: `headrace dev` as a child process, and helpers to talk to it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx

from headrace import Client
from headrace.runtime.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
READY_S = 120
DEADLINE_S = 60
T = TypeVar("T")


def wait_until(what: str, probe: Callable[[], T | None], timeout_s: float = DEADLINE_S) -> T:
    """Return the first value of `probe` that is neither None nor False."""
    end = time.monotonic() + timeout_s
    while True:
        value = probe()
        if value is not None and value is not False:
            return value
        assert time.monotonic() < end, f"Expected {what} within {timeout_s} s, but it did not come"
        time.sleep(0.05)


class Stack:
    """A running `headrace dev`."""

    def __init__(
        self,
        process: subprocess.Popen[str],
        announced: Mapping[str, Any],
        scratch: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.process = process
        self.state = Path(announced["state"])
        self.kafka: str = announced["kafka"]
        self.api: str = announced["api"]
        self.postgres: str = announced["postgres"]
        self.scratch = scratch
        self.environment = {
            **{name: text for name, text in (environment or {}).items() if name.startswith("HEADRACE_")},
            "HEADRACE_KAFKA": self.kafka,
            "HEADRACE_API": self.api,
            "HEADRACE_STATE": str(self.state),
        }
        self.settings = Settings.load(self.environment)
        self.client = Client(self.settings)

    def pids(self) -> dict[str, int]:
        """Return what runs now, by name."""
        found: dict[str, int] = json.loads((self.state / "dev.json").read_text(encoding="utf-8"))["pids"]
        return found

    def kill(self, name: str) -> int:
        """End one process as a crash would, and return the id of the one that takes its place."""
        before = self.pids()[name]
        os.kill(before, signal.SIGKILL)
        return wait_until(f"another {name}", lambda: self._other(name, before))

    def _other(self, name: str, before: int) -> int | None:
        now = self.pids().get(name, before)
        return now if now != before else None

    def get(self, path: str, **params: Any) -> Any:
        """Ask the read API."""
        answer = httpx.get(f"{self.api}/api/v1{path}", params=params, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def look(self, path: str) -> Any:
        """Ask the read API; None where there is no such thing, or nobody answers right now."""
        try:
            answer = httpx.get(f"{self.api}/api/v1{path}", timeout=30)
        except httpx.TransportError:
            return None
        return answer.json() if answer.status_code == 200 else None

    def cli(self, *arguments: str, input: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run the command line against this stack."""
        return subprocess.run(
            [sys.executable, "-m", "headrace", *arguments],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            input=input,
            timeout=120,
            check=False,
        )

    def closed(self, workflow_id: str, timeout_s: float = DEADLINE_S) -> dict[str, Any]:
        """Return a workflow once it has ended."""

        def ended() -> dict[str, Any] | None:
            found = self.look(f"/workflows/{workflow_id}")
            return found if found is not None and found["status"] not in ("RUNNING", "PAUSED") else None

        return wait_until(f"the end of {workflow_id}", ended, timeout_s)


@contextmanager
def running_stack(state: Path, scratch: Path, *arguments: str, **environment: str) -> Iterator[Stack]:
    """Run `headrace dev` with the tests' app; it is ready inside the block, and gone after it."""
    scratch.mkdir(parents=True, exist_ok=True)
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("HEADRACE_", "OTEL_"))}
    command = [sys.executable, "-m", "headrace", "dev", "--json", "--state", str(state), *arguments]
    for app in ("app.py", "steered.py", "leases.yaml", "lingering.yaml"):
        command += ["--app", str(HERE / app)]
    with (scratch / "dev.err").open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={
                **kept,
                "HEADRACE_TEST_SCRATCH": str(scratch),
                "HEADRACE_LOCAL_DURABILITY": "page-cache",
                **environment,
            },
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, f"Expected the stack to become ready, but: {(scratch / 'dev.err').read_text()[-3000:]}"
            running = Stack(process, json.loads(line), scratch, environment)
            yield running
            running.client.close()
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(READY_S)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
            finally:
                if process.stdout is not None:
                    process.stdout.close()
