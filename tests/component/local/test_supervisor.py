"""What dies while the stack starts: when it is started again, and when that ends the start."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.local.errors import LocalStackError
from headrace.local.process import ChildSpec
from headrace.local.restart import RestartPolicy
from headrace.local.supervisor import Supervisor
from tests.component.local.conditions import is_running, wait_until

POLICY = RestartPolicy(pause_ms=10, pause_max_ms=10, stable_ms=60_000, start_attempts=3)
# Nobody waits so long: what is waited for happens at once, or the test fails with what was said.
LIMIT_S = 50
LIFE = "print('a life', flush=True)\n"
READY = "import os, pathlib\npathlib.Path(os.environ['HEADRACE_READY_FILE']).touch()\n"
POISONED = LIFE + READY + "os._exit(1)"
STAYING = LIFE + READY + "import time; time.sleep(600)"


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(said: list[str]) -> Iterator[Supervisor]:
    found = Supervisor(POLICY, say=said.append)
    yield found
    found.stop(())


def _spec(tmp_path: Path, code: str, name: str = "worker") -> ChildSpec:
    ready_file = tmp_path / f"{name}.ready"
    return ChildSpec(
        name=name,
        command=[sys.executable, "-c", code],
        log_path=tmp_path / f"{name}.log",
        environment={"HEADRACE_READY_FILE": str(ready_file)},
        ready_file=ready_file,
    )


def _lives(tmp_path: Path, name: str = "worker") -> int:
    return (tmp_path / f"{name}.log").read_text("utf-8").count("a life")


def test_what_was_ready_and_dies_does_not_end_the_start(
    supervisor: Supervisor, said: list[str], tmp_path: Path
) -> None:
    poisoned = supervisor.start(_spec(tmp_path, POISONED))
    wait_until("the poisoned one has died", lambda: poisoned.poll() is not None)
    supervisor.start(_spec(tmp_path, STAYING, "decision"))
    supervisor.wait_until_announced(["worker", "decision"], LIMIT_S)

    def lived_again() -> bool:
        supervisor.tick()
        return _lives(tmp_path) > POLICY.start_attempts

    wait_until("it is started again and again", lived_again)
    assert any("worker was started again" in line for line in said)


def test_an_unlucky_start_is_forgiven(supervisor: Supervisor, said: list[str], tmp_path: Path) -> None:
    first = tmp_path / "first"
    unlucky = f"import pathlib, sys\nfirst = pathlib.Path({str(first)!r})\n"
    unlucky += "if not first.exists():\n    first.touch()\n    sys.exit(1)\n"
    supervisor.start(_spec(tmp_path, unlucky + STAYING))
    supervisor.wait_until_announced(["worker"], LIMIT_S)
    assert is_running(supervisor.pids()["worker"])
    assert len([line for line in said if "ended with exit code 1" in line]) == 1


@pytest.mark.parametrize(
    ("end", "lives", "reason"),
    [
        ("raise SystemExit(1)", POLICY.start_attempts, "exit code 1"),
        (f"import os; os.kill(os.getpid(), {int(signal.SIGKILL)})", POLICY.start_attempts, "signal SIGKILL"),
        ("raise SystemExit(2)", 1, "exit code 2"),
    ],
)
def test_what_is_never_ready_ends_the_start_with_its_log(
    supervisor: Supervisor, tmp_path: Path, end: str, lives: int, reason: str
) -> None:
    supervisor.start(_spec(tmp_path, LIFE + end))
    with pytest.raises(LocalStackError, match=f"Expected worker to run, but it ended with {reason}[^$]*a life"):
        supervisor.wait_until_announced(["worker"], LIMIT_S)
    assert _lives(tmp_path) == lives


def test_what_does_not_become_ready_in_time_ends_the_start(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start(_spec(tmp_path, LIFE + "import time; time.sleep(600)"))
    with pytest.raises(LocalStackError, match="Expected worker to be ready within 0 s"):
        supervisor.wait_until_announced(["worker"], 0)
