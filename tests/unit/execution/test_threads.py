"""Threads of a worker: no job waits for another one, and short jobs share threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from queue import SimpleQueue

import pytest

from headrace_execution.worker.threads import Threads

_PATIENCE_S = 20.0


@pytest.fixture
def threads() -> Iterator[Threads]:
    with closing(Threads()) as made:
        yield made


def test_jobs_that_wait_for_each_other_all_run(threads: Threads) -> None:
    met, done = threading.Barrier(50), SimpleQueue[int]()

    def job() -> None:
        done.put(met.wait(_PATIENCE_S))

    for _ in range(50):
        threads.run(job)
    assert sorted(done.get(timeout=_PATIENCE_S) for _ in range(50)) == list(range(50))


def test_a_job_that_hangs_keeps_no_other_one_waiting(threads: Threads) -> None:
    release, done = threading.Event(), SimpleQueue[int]()
    for number in range(30):
        threads.run(lambda number=number: done.put(number))  # type: ignore[misc]
        threads.run(release.wait)  # type: ignore[arg-type]
    assert sorted(done.get(timeout=_PATIENCE_S) for _ in range(30)) == list(range(30))
    release.set()


def test_jobs_from_several_threads_run_once_each(threads: Threads) -> None:
    done = SimpleQueue[int]()

    def give(first: int) -> None:
        for number in range(first, first + 500):
            threads.run(lambda number=number: done.put(number))  # type: ignore[misc]

    givers = [threading.Thread(target=give, args=(first,)) for first in range(0, 2_000, 500)]
    for giver in givers:
        giver.start()
    assert sorted(done.get(timeout=_PATIENCE_S) for _ in range(2_000)) == list(range(2_000))
    assert done.empty()


def test_one_job_after_the_other_runs_in_the_same_thread(threads: Threads) -> None:
    names = SimpleQueue[str]()
    ran = set()
    for _ in range(20):
        threads.run(lambda: names.put(threading.current_thread().name))
        ran.add(names.get(timeout=_PATIENCE_S))
    # The first thread may not have lain down before the second job came; after that one of two is always idle.
    assert len(ran) <= 2


def test_idle_threads_end_when_they_are_let_go_and_busy_ones_after_their_job() -> None:
    threads, release, thread = Threads(), threading.Event(), SimpleQueue[threading.Thread]()

    def job() -> None:
        thread.put(threading.current_thread())
        release.wait(_PATIENCE_S)

    threads.run(job)
    busy = thread.get(timeout=_PATIENCE_S)
    threads.close()
    assert busy.is_alive()
    release.set()
    busy.join(_PATIENCE_S)
    assert not busy.is_alive()
