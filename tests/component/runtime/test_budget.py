"""The budget against real signals, threads and processes: what does not end is stopped, and everything else goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from headrace.engine.budget import BudgetExceeded
from headrace.engine.expressions import compile_source
from headrace.runtime.budget import Budget, BudgetLimits

LIMITS = BudgetLimits(cpu_ms=300, wall_ms=1_000, memory_mb=128)


@pytest.fixture
def budget() -> Iterator[Budget]:
    with Budget(LIMITS) as running:
        yield running


def loop() -> None:
    while True:
        pass


def swallow_everything() -> None:
    for _ in range(3):
        try:
            loop()
        except BaseException:  # noqa: BLE001, S112
            continue


def swallow_exceptions() -> None:
    while True:
        try:
            loop()
        except Exception:  # noqa: BLE001, S112
            continue


def grow() -> None:
    held = []
    while True:
        held.append(bytearray(1 << 20))


def explode() -> None:
    text = "a" * 60 + "!"
    compile_source("$match($input, /(a+)+$/)").evaluate({"input": text}, now_ms=0, seed="")


@pytest.mark.parametrize("work", [loop, swallow_exceptions, explode])
def test_cpu_time_has_a_limit(budget: Budget, work: Callable[[], None]) -> None:
    with pytest.raises(BudgetExceeded, match=r"activation of w-1 to use at most 300 ms"), budget.activation("w-1"):
        work()


def test_what_gets_on_has_its_time_anew() -> None:
    """Three times the limit, in parts that are each below it."""
    parts = 0
    with Budget(BudgetLimits(cpu_ms=LIMITS.cpu_ms)) as budget, budget.activation("w-1"):
        until = time.thread_time() + 3 * LIMITS.cpu_ms / 1000
        at = time.thread_time()
        while time.thread_time() < until:
            if time.thread_time() - at > 0.1:
                budget.progress()
                at, parts = time.thread_time(), parts + 1
    assert parts > 3


def test_it_fires_again_when_it_was_swallowed(budget: Budget) -> None:
    with budget.activation("w-1"):
        swallow_everything()  # returns only because it is interrupted three times


def test_waiting_has_a_limit(budget: Budget) -> None:
    with pytest.raises(BudgetExceeded, match=r"not to wait"), budget.activation("w-1"):
        threading.Event().wait(60)


def test_memory_has_a_limit() -> None:
    limits = BudgetLimits(cpu_ms=60_000, memory_mb=128)
    with Budget(limits) as budget, pytest.raises(BudgetExceeded, match=r"128 MiB"), budget.activation("w-1"):
        grow()


def test_running_out_of_memory_is_a_matter_of_the_budget(budget: Budget) -> None:
    with pytest.raises(BudgetExceeded, match=r"fit into memory"), budget.activation("w-1"):
        raise MemoryError


def test_many_small_activations_are_no_large_one(budget: Budget) -> None:
    began = time.thread_time()
    while time.thread_time() - began < 4 * LIMITS.cpu_ms / 1000:
        with budget.activation("w-1"):
            sum(range(1_000))


def test_code_outside_of_an_activation_has_no_limit(budget: Budget) -> None:
    began = time.thread_time()
    while time.thread_time() - began < 4 * LIMITS.cpu_ms / 1000:
        pass
    with budget.activation("w-1"):
        pass


def test_an_activation_inside_another_is_part_of_it(budget: Budget) -> None:
    def many() -> None:
        while True:
            with budget.activation("inner"):
                pass

    with pytest.raises(BudgetExceeded, match=r"outer"), budget.activation("outer"):
        many()


@pytest.mark.parametrize("work", [loop, swallow_exceptions])
def test_other_threads_are_watched_too(budget: Budget, work: Callable[[], None]) -> None:
    caught: list[BaseException] = []

    def run() -> None:
        try:
            with budget.activation("w-2"):
                work()
        except BudgetExceeded as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(60)
    assert len(caught) == 1


def test_the_signals_are_left_as_they_were() -> None:
    before = signal.getsignal(signal.SIGPROF)
    with Budget(LIMITS):
        assert signal.getsignal(signal.SIGPROF) != before
    assert signal.getsignal(signal.SIGPROF) == before
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)
    assert not any(thread.name == "headrace-budget" for thread in threading.enumerate())


PROGRAM = """
import sys, time
from headrace.runtime.budget import Budget, BudgetLimits
def deeper(again):
    try:
        while True: again(deeper) if again is not deeper else time.perf_counter()
    except BaseException: pass
limits = BudgetLimits(cpu_ms=100, wall_ms=1000, hang_ms=3000)
with Budget(limits, watchdog=True) as budget:
    with budget.activation("w-1"):
        {body}
print("survived")
"""
# It is stopped a hundred times, and goes on: the windows in which it could not are too small to be hit by chance.
SWALLOWS = """
        while True:
            try:
                deeper(deeper)
            except BaseException: pass
"""
HOLDS_ON = """
        sum(range(10 ** 13))
"""


@pytest.mark.parametrize(
    ("body", "codes"),
    [(SWALLOWS, {70, -signal.SIGVTALRM}), (HOLDS_ON, {-signal.SIGVTALRM})],
    ids=["swallows everything", "holds the interpreter"],
)
def test_the_watchdog_ends_what_cannot_be_stopped(body: str, codes: set[int]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(body=body.strip())],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode in codes, done.stderr
    assert "survived" not in done.stdout
    assert "<module>" in done.stderr  # the stacks


def test_a_stopped_process_is_not_a_hung_one() -> None:
    """SIGSTOP for longer than every limit: the activation goes on as if nothing had been."""
    body = "print('in', flush=True); sys.stdin.readline()"
    code = PROGRAM.replace("wall_ms=1000, hang_ms=3000", "wall_ms=2500, hang_ms=3000").format(body=body)
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "in\n"
        os.kill(process.pid, signal.SIGSTOP)
        threading.Event().wait(5)  # the test's subject is that this time passes
        os.kill(process.pid, signal.SIGCONT)
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "survived\n"
        assert process.wait(60) == 0
