# ruff: noqa: T201  what tasks print is what is tested here
"""Tasks from their assignment to the result command: what they return, raise, print, and how they are stopped."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from headrace.authoring.retry import NonRetryable
from headrace.authoring.task_context import current
from headrace.authoring.tasks import task
from headrace.contracts.commands import CompleteTask, FailTask
from headrace.contracts.dispatch_events import AssignmentsEnded, AttemptTimedOut, TaskAssigned
from headrace.contracts.io_accounts import DatasetIo, TaskIo
from headrace.contracts.workflow_events import WorkflowTerminated
from headrace.runtime.execution_settings import ExecutionSettings
from headrace_execution.worker.output import captured
from tests.component.execution.mill import Mill


@pytest.fixture
def mill() -> Iterator[Mill]:
    mill = Mill(ExecutionSettings(log_line_limit_bytes=100, log_limit_bytes=500))
    yield mill
    mill.close()


@task
def add(a: int, b: int = 1) -> int:
    return a + b


@task
async def later(text: str) -> str:
    await asyncio.sleep(0)
    return text.upper()


@task
def nothing() -> None:
    return None


@task
def break_down(how: str) -> Any:
    match how:
        case "raise":
            raise ValueError("no such package")
        case "exit":
            sys.exit(3)
        case "interrupt":
            raise KeyboardInterrupt
        case "never again":
            raise NonRetryable("gone")
        case "json error":
            raise UnicodeError("a ValueError underneath")
        case "surrogate":
            raise ValueError("odd \ud800 text")
        case "long":
            raise ValueError("x" * 5_000)
        case "function":
            return lambda: None
        case "large":
            return "x" * 10_001
        case "just fits":
            return "x" * 9_998
    return None


def run_all(mill: Mill, count: int) -> list[CompleteTask | FailTask]:
    mill.until(lambda: len(mill.results()) >= count and not open_assignments(mill))
    return mill.results()


def open_assignments(mill: Mill) -> set[int]:
    ended = {number for event in mill.of(AssignmentsEnded) for number in event.assignments}
    return {event.assignment for event in mill.of(TaskAssigned)} - ended


def test_plain_and_async_functions_run_and_their_slots_come_back(mill: Mill) -> None:
    mill.start_worker("a", [add, later, nothing], slots=2)
    mill.schedule("add", b'{"a": 2, "b": 3}')
    mill.schedule("add", b"41")
    mill.schedule("later", b'"mill"')
    mill.schedule("nothing")
    results = run_all(mill, 4)
    outputs = [result.output for result in results if isinstance(result, CompleteTask)]
    assert outputs == [b"5", b"42", b'"MILL"', b"null"]
    assert {result.worker for result in results} == {"a"}


def test_tasks_are_spread_over_workers(mill: Mill) -> None:
    for name in "abcde":
        mill.start_worker(name, [add])
    for _ in range(5):
        mill.schedule("add", b"1")
    assert sorted(result.worker for result in run_all(mill, 5)) == list("abcde")


@pytest.mark.parametrize(
    ("how", "error", "reason", "retryable"),
    [
        ("raise", "ValueError", "ValueError: no such package", True),
        ("exit", "SystemExit", "SystemExit: 3", True),
        ("interrupt", "KeyboardInterrupt", "KeyboardInterrupt", True),
        ("never again", "NonRetryable", "gone", False),
        ("surrogate", "ValueError", "odd \\ud800 text", True),
        ("long", "ValueError", "xxxxxxxxxxxx", True),
        ("function", "headrace.SerializationError", "returned a function", True),
        ("large", "headrace.OutputTooLarge", "at most 10000 bytes", True),
    ],
)
def test_a_task_that_fails_says_why(mill: Mill, how: str, error: str, reason: str, *, retryable: bool) -> None:
    mill.start_worker("a", [break_down])
    mill.schedule("break_down", f'"{how}"'.encode())
    (result,) = run_all(mill, 1)
    assert isinstance(result, FailTask)
    assert (result.error, result.retryable) == (error, retryable)
    assert reason in result.cause
    assert len(result.cause.encode()) <= 1_000
    if how == "long":
        assert result.cause.endswith("bytes in all, limit 1000]")
    if how == "raise":
        assert "break_down" in result.cause, "the traceback names the function"


def test_output_of_exactly_the_limit_works(mill: Mill) -> None:
    mill.start_worker("a", [break_down])
    mill.schedule("break_down", b'"just fits"')
    (result,) = run_all(mill, 1)
    assert isinstance(result, CompleteTask)


@pytest.mark.parametrize("data", [b'{"b": 1}', b'{"a": 1, "c": 2}', b"{"])
def test_an_input_that_does_not_fit_is_not_tried_again(mill: Mill, data: bytes) -> None:
    mill.start_worker("a", [add])
    mill.schedule("add", data)
    (result,) = run_all(mill, 1)
    assert isinstance(result, FailTask)
    assert (result.error, result.retryable) == ("headrace.InputMismatch", False)
    assert "Expected the input of task add" in result.cause


def test_a_failure_names_its_base_classes_for_the_retry_rules(mill: Mill) -> None:
    mill.start_worker("a", [break_down])
    mill.schedule("break_down", b'"json error"')
    (result,) = run_all(mill, 1)
    assert isinstance(result, FailTask)
    assert result.error == "UnicodeError"
    assert result.bases[:3] == ["builtins.UnicodeError", "ValueError", "builtins.ValueError"]


def test_what_a_task_prints_and_logs_is_shipped_with_its_ids(mill: Mill) -> None:
    @task
    def talk() -> None:
        print("printed", end=" ")
        print("in parts")
        print("to stderr", file=sys.stderr)
        current().log.warning("logged %d", 7)
        logging.getLogger("my.module").warning("through logging")
        print("no end of line", end="")

    @task
    async def talk_async() -> None:
        await asyncio.sleep(0)
        print("async")

    with captured():
        mill.start_worker("a", [talk, talk_async])
        first = mill.schedule("talk")
        mill.schedule("talk_async")
        run_all(mill, 2)
    lines = mill.lines()
    assert [(line.level, line.message) for line in lines] == [
        ("output", "printed in parts"),
        ("output", "to stderr"),
        ("warning", "logged 7"),
        ("warning", "through logging"),
        ("output", "no end of line"),
        ("output", "async"),
    ]
    assert (lines[0].workflow_id, lines[0].run_id, lines[0].step, lines[0].task, lines[0].source) == (
        first.workflow_id,
        first.run_id,
        first.step,
        "talk",
        "a",
    )


def test_what_a_task_says_that_it_reads_and_writes_goes_out_with_its_result_or_failure(mill: Mill) -> None:
    @task
    def copy(fail: bool) -> int:
        for _ in range(3):
            current().record_io(rows=10, bytes=2_000, dataset="in")
        current().record_io(bytes=7, dataset="out")
        if fail:
            raise ValueError("no")
        return 12345

    @task
    async def quiet() -> None:
        with pytest.raises(ValueError, match="Expected rows to be from 0"):
            current().record_io(rows=-1)
        with pytest.raises(TypeError, match="Expected bytes to be a whole number"):
            current().record_io(bytes=1.5)  # type: ignore[arg-type]

    @task
    def many() -> None:
        for number in range(200):
            current().record_io(rows=2**62, dataset=str(number))

    mill.start_worker("a", [copy, quiet, many])
    mill.schedule("copy", b'{"fail":false}')
    mill.schedule("copy", b'{"fail":true}')
    mill.schedule("quiet")
    mill.schedule("many")
    succeeded, failed, nothing, bounded = sorted(run_all(mill, 4), key=lambda result: result.step)
    datasets = [DatasetIo(dataset="in", rows=30, bytes=6_000), DatasetIo(dataset="out", rows=0, bytes=7)]
    assert isinstance(succeeded, CompleteTask)
    assert succeeded.io == TaskIo(input_bytes=14, output_bytes=5, datasets=datasets)
    assert isinstance(failed, FailTask)
    assert failed.io == TaskIo(input_bytes=13, output_bytes=0, datasets=datasets)
    assert isinstance(nothing, CompleteTask)
    assert nothing.io is None
    assert bounded.io is not None
    assert len(bounded.io.datasets) == 101
    assert bounded.io.datasets[-1] == DatasetIo(dataset="[further datasets]", rows=2**63 - 1, bytes=0)


def test_what_is_printed_is_cut_with_a_mark(mill: Mill) -> None:
    @task
    def shout() -> None:
        print("x" * 1_000)
        for number in range(1_000):
            print(f"line {number}")

    with captured():
        mill.start_worker("a", [shout])
        mill.schedule("shout")
        run_all(mill, 1)
    lines = [line.message for line in mill.lines()]
    assert lines[0].startswith("xxxx")
    assert "[cut:" in lines[0]
    assert len(lines[0].encode()) <= 100
    assert lines[1] == "line 0"
    assert lines[-2] == "[cut: this attempt wrote more than 500 bytes; the rest is dropped]"
    shipped = len(lines) - 2
    dropped = [f"line {number}" for number in range(shipped - 1, 1_000)]
    assert lines[-1] == f"[cut: {len(dropped)} lines of {sum(map(len, dropped))} bytes were dropped]"
    assert sum(len(line) for line in lines[:-2]) < 700


def test_a_time_out_cancels_a_coroutine_and_tells_a_thread(mill: Mill) -> None:
    seen: list[str] = []

    @task
    async def wait_long() -> None:
        try:
            await asyncio.sleep(3_600)
        except asyncio.CancelledError:
            seen.append("coroutine")
            raise

    @task
    def work_long() -> None:
        context = current()
        while not context.cancelled:
            threading.Event().wait(0.001)
        seen.append("thread")

    mill.start_worker("a", [wait_long, work_long])
    mill.schedule("wait_long", timeout_ms=500)
    mill.schedule("work_long", timeout_ms=500)
    mill.until(lambda: len(mill.of(AttemptTimedOut)) == 2)
    mill.until(lambda: not open_assignments(mill))
    assert sorted(seen) == ["coroutine", "thread"]
    assert mill.results() == [], "the dispatcher has said all that there is to say"


def test_a_terminated_run_stops_its_tasks(mill: Mill) -> None:
    started = threading.Event()

    @task
    async def wait_long() -> None:
        started.set()
        await asyncio.sleep(3_600)

    mill.start_worker("a", [wait_long])
    mill.schedule("wait_long")
    mill.until(started.is_set)
    mill.decide("w-run", WorkflowTerminated(workflow_id="w-run", run_id="run", at=0))
    mill.until(lambda: not open_assignments(mill))
    assert mill.results() == []


def test_heartbeats_of_its_own_keep_a_task_running(mill: Mill) -> None:
    enough, beaten = threading.Event(), threading.Event()

    @task
    def beat() -> str:
        while not enough.wait(0.001):
            current().heartbeat({"at": 3})
            beaten.set()
        return "done"

    mill.start_worker("a", [beat])
    mill.schedule("beat", heartbeat_ms=3_000)
    mill.until(lambda: bool(mill.of(TaskAssigned)))
    for _ in range(500):
        mill.step()
        beaten.clear()
        assert beaten.wait(20)  # time must not run ahead of the thread
    assert not mill.of(AttemptTimedOut)
    enough.set()
    assert isinstance(run_all(mill, 1)[0], CompleteTask)
