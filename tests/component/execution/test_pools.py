"""Process pools: what runs there behaves as in a thread, and a crash is the failure of one attempt."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from headrace.authoring.tasks import task
from headrace.contracts.commands import CompleteTask, FailTask
from headrace.contracts.dispatch_events import AssignmentsEnded, TaskAssigned
from headrace.contracts.worker_events import WorkerLost
from headrace.contracts.workflow_events import WorkflowTerminated
from headrace.runtime.execution_settings import ExecutionSettings
from headrace.runtime.settings import InvalidSettings
from headrace_execution.worker.output import captured
from headrace_execution.worker.pool_setup import named_numbers
from tests.component.execution import pooled
from tests.component.execution.mill import Mill

TASKS = [
    pooled.where,
    pooled.crash,
    pooled.wait_for,
    pooled.stop_when_told,
    pooled.needs_secret,
    pooled.account_and_shout,
]


@pytest.fixture
def mill() -> Iterator[Mill]:
    mill = Mill(ExecutionSettings(pools="cpu=2", cancel_grace_ms=300, log_limit_bytes=500))
    yield mill
    mill.close()


def all_slots_free(mill: Mill) -> bool:
    ended = {number for event in mill.of(AssignmentsEnded) for number in event.assignments}
    return {event.assignment for event in mill.of(TaskAssigned)} <= ended


def outputs(mill: Mill) -> list[Any]:
    return [msgspec.json.decode(result.output) for result in mill.results() if isinstance(result, CompleteTask)]


def test_a_process_knows_its_attempt_and_what_it_says_arrives(mill: Mill) -> None:
    with captured():
        mill.start_worker("a", TASKS)
        scheduled = mill.schedule("where", b'"here"')
        mill.until(lambda: len(mill.results()) == 1)
    (output,) = outputs(mill)
    assert output["pid"] != os.getpid()
    assert output["key"] == f"{scheduled.run_id}/{scheduled.step}/1"
    assert [(line.level, line.message) for line in mill.lines()] == [("output", "printed here"), ("warning", "logged")]


def test_processes_are_kept_for_the_next_attempt(mill: Mill) -> None:
    mill.start_worker("a", TASKS)
    for count in range(1, 4):
        mill.schedule("where")
        mill.until(lambda count=count: len(mill.results()) == count)  # type: ignore[misc]
    assert len({output["pid"] for output in outputs(mill)}) == 1


@pytest.mark.parametrize(
    ("how", "error", "reason"),
    [
        ("exit", "headrace.ProcessCrashed", "ended with exit code 7"),
        ("segfault", "headrace.ProcessCrashed", "was ended by SIGSEGV"),
        ("raise", "ValueError", "no such package"),
        ("sys.exit", "SystemExit", "3"),
    ],
)
def test_a_crash_fails_that_attempt_alone(mill: Mill, tmp_path: Path, how: str, error: str, reason: str) -> None:
    mill.start_worker("a", TASKS)
    file = tmp_path / "go"
    other = mill.schedule("wait_for", f'"{file}"'.encode())
    mill.until(lambda: len(list(tmp_path.iterdir())) == 1)
    crashed = mill.schedule("crash", f'"{how}"'.encode())
    mill.until(lambda: len(mill.results()) == 1)
    (failure,) = mill.results()
    assert isinstance(failure, FailTask)
    assert (failure.step, failure.error, failure.retryable) == (crashed.step, error, True)
    assert reason in failure.cause
    file.touch()
    mill.schedule("where")
    mill.until(lambda: len(mill.results()) == 3)
    assert [type(result) for result in mill.results()] == [CompleteTask, FailTask, CompleteTask]
    assert mill.results()[0].step == other.step
    assert not mill.of(WorkerLost)


def test_a_pool_runs_as_many_at_once_as_it_has_processes(mill: Mill, tmp_path: Path) -> None:
    mill.start_worker("a", TASKS, slots=4)
    file = tmp_path / "go"
    for _ in range(4):
        mill.schedule("wait_for", f'"{file}"'.encode())
    mill.until(lambda: len(mill.of(TaskAssigned)) == 4 and len(list(tmp_path.iterdir())) == 2)
    file.touch()
    mill.until(lambda: len(mill.results()) == 4)
    assert len(list(tmp_path.glob("go-*"))) == 2, "two processes ran all four"


def test_one_that_was_killed_while_idle_is_nobodys_failure(mill: Mill) -> None:
    mill.start_worker("a", TASKS)
    mill.schedule("where")
    mill.until(lambda: len(mill.results()) == 1)
    pid = outputs(mill)[0]["pid"]
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    mill.schedule("where")
    mill.until(lambda: len(mill.results()) == 2)
    assert len({output["pid"] for output in outputs(mill)}) == 2


def test_an_attempt_that_is_cancelled_sees_it(mill: Mill, tmp_path: Path) -> None:
    mill.start_worker("a", TASKS)
    file = tmp_path / "started"
    mill.schedule("stop_when_told", f'"{file}"'.encode())
    mill.until(file.exists)
    mill.decide("w-run", WorkflowTerminated(workflow_id="w-run", run_id="run", at=0))
    mill.until(lambda: all_slots_free(mill))
    assert {path.name for path in tmp_path.iterdir()} == {"started", "started-called", "started-seen"}
    assert mill.results() == []


def test_a_process_that_does_not_listen_is_ended_after_its_grace(mill: Mill, tmp_path: Path) -> None:
    mill.start_worker("a", TASKS)
    mill.schedule("wait_for", f'"{tmp_path / "never"}"'.encode())
    mill.until(lambda: len(list(tmp_path.iterdir())) == 1)
    mill.decide("w-run", WorkflowTerminated(workflow_id="w-run", run_id="run", at=0))
    mill.until(lambda: all_slots_free(mill))
    assert mill.results() == []


def test_middleware_comes_along(mill: Mill) -> None:
    mill.start_worker("a", TASKS, middleware=[pooled.secrets])
    mill.schedule("needs_secret")
    mill.until(lambda: len(mill.results()) == 1)
    assert outputs(mill) == ["of run"]


def test_what_it_writes_is_bounded_and_what_it_accounts_for_counts(mill: Mill) -> None:
    with captured():
        mill.start_worker("a", TASKS)
        mill.schedule("account_and_shout", b'{"rows": 7}')
        mill.schedule("account_and_shout", b'{"rows": -1}')
        mill.until(lambda: len(mill.results()) == 2)
    success, failure = mill.results()
    assert isinstance(success, CompleteTask)
    assert success.io is not None
    assert [(each.dataset, each.rows) for each in success.io.datasets] == [("stdlib", 7)]
    lines = [line.message for line in mill.lines() if line.step == success.step]
    assert lines[0] == "line 0"
    assert sum(len(line) for line in lines if line.startswith("line")) < 600
    assert isinstance(failure, FailTask)
    assert failure.error == "ValueError"


def test_a_pool_is_for_plain_functions_that_a_process_finds() -> None:
    async def coroutine() -> None:
        """Do nothing."""

    def local() -> None:
        """Do nothing."""

    with pytest.raises(TypeError, match="it is async"):
        task(pool="cpu")(coroutine)
    with pytest.raises(TypeError, match="at the top of its module"):
        task(pool="cpu")(local)


def test_sizes_are_checked() -> None:
    assert named_numbers(" cpu=4, io ,", "pools") == {"cpu": 4, "io": 0}
    with pytest.raises(InvalidSettings, match=r"HEADRACE_EXECUTION_POOLS as name=number.* found 'cpu=many'"):
        named_numbers("cpu=many", "pools")
