"""Child processes: they die with their parent, and stop when they are asked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from headrace.local.errors import LocalStackError
from headrace.local.process import Child, ChildSpec, stop_children
from tests.component.local.conditions import is_running, wait_until

SLEEPER = "import time; print('up', flush=True); time.sleep(600)"
STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
# Starts a child as we do, says its pid, and waits to be killed.
PARENT = """
import sys, time
from pathlib import Path
from headrace.local.process import Child, ChildSpec
log = Path(sys.argv[1])
child = Child(ChildSpec(name="c", command=[sys.executable, "-c", sys.argv[2]], log_path=log, environment={}))
print(child.pid, flush=True)
time.sleep(600)
"""


def _spec(tmp_path: Path, code: str, *, stop_grace_s: float = 30) -> ChildSpec:
    return ChildSpec(
        name="child",
        command=[sys.executable, "-c", code],
        log_path=tmp_path / "child.log",
        environment={},
        stop_grace_s=stop_grace_s,
    )


def _is_up(tmp_path: Path) -> bool:
    log = tmp_path / "child.log"
    return log.exists() and "up" in log.read_text("utf-8")


@pytest.mark.parametrize("code", [SLEEPER, STUBBORN])
def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path, code: str) -> None:
    log = tmp_path / "child.log"
    with subprocess.Popen([sys.executable, "-c", PARENT, str(log), code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        wait_until("the child runs", lambda: _is_up(tmp_path))
        assert is_running(pid)
        parent.kill()
    wait_until("the child has ended", lambda: not is_running(pid))


def test_a_child_stops_on_its_signal(tmp_path: Path) -> None:
    child = Child(_spec(tmp_path, SLEEPER))
    wait_until("the child runs", lambda: _is_up(tmp_path))
    stop_children([child])
    assert child.poll() == -signal.SIGTERM


def test_a_child_that_does_not_stop_is_killed_after_its_grace(tmp_path: Path) -> None:
    child = Child(_spec(tmp_path, STUBBORN, stop_grace_s=0.05))
    wait_until("the child runs", lambda: _is_up(tmp_path))
    stop_children([child])
    assert child.poll() == -signal.SIGKILL


def test_impatience_ends_the_grace(tmp_path: Path) -> None:
    child = Child(_spec(tmp_path, STUBBORN, stop_grace_s=600))
    wait_until("the child runs", lambda: _is_up(tmp_path))
    stop_children([child], at_once=lambda: True)
    assert child.poll() == -signal.SIGKILL


def test_a_child_leads_a_session_of_its_own(tmp_path: Path) -> None:
    child = Child(_spec(tmp_path, SLEEPER))
    try:
        assert os.getsid(child.pid) == child.pid
    finally:
        child.kill()


def test_what_ended_at_once_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    child = Child(_spec(tmp_path, "import sys; sys.exit('no licence')"))
    wait_until("the child has ended", lambda: child.poll() is not None)
    with pytest.raises(LocalStackError, match=r"(?s)Expected child to run.*exit code 1.*no licence"):
        child.require_running()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a child as another user")
def test_a_child_of_another_user_ends_with_its_parent_too(tmp_path: Path) -> None:
    # Not Python: the interpreter may lie in a home that the other user cannot enter.
    code = (
        PARENT.replace("Child, ChildSpec", "Child, ChildSpec, User")
        .replace('[sys.executable, "-c", sys.argv[2]]', '["/bin/sleep", "600"]')
        .replace("environment={}", "environment={}, working_dir=Path('/'), user=User(name='n', uid=65534, gid=65534)")
    )
    command = [sys.executable, "-c", code, str(tmp_path / "child.log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        wait_until("the child is nobody", lambda: Path(f"/proc/{pid}").stat().st_uid == 65534)
        wait_until("the child sleeps", lambda: Path(f"/proc/{pid}/comm").read_text("utf-8").strip() == "sleep")
        parent.kill()
    wait_until("the child has ended", lambda: not is_running(pid))
