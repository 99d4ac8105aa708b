"""Threads for plain functions: as many as there are jobs that wait for something, kept for the next ones, never in the
way of the end.

Most jobs are short, and waking a thread costs more than many of them. So the threads wake one another in a chain: a
thread that takes a job wakes the next one before it runs the job, if more of them wait, and at most one is on its way
at any time. Jobs that block are all begun within microseconds of each other, each in a thread of its own; jobs that
do not are done, one after the other, by the thread that is running anyway, before the next one even gets to run.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable

_log = logging.getLogger("headrace.worker")


class Threads:
    """Runs each job as soon as Python lets another thread run, whatever the jobs before it do.

    The dispatcher bounds how many run; a job that does not let itself be stopped must not keep the next one waiting, so
    there is no bound here. The threads are daemons: a process that stops does not wait for them.
    """

    def __init__(self) -> None:
        self._jobs: deque[Callable[[], None]] = deque()
        self._lock = threading.Lock()
        self._idle: list[threading.Lock] = []
        """The bells of the threads that wait. The last one is woken first: the processor's cache still knows it."""
        self._waking = False
        self._closed = False
        self._made = 0

    def run(self, job: Callable[[], None]) -> None:
        """Run a job, which must not raise."""
        with self._lock:
            self._jobs.append(job)
            if not self._waking:
                self._wake()

    def close(self) -> None:
        """Let idle threads end."""
        with self._lock:
            self._closed = True
            while self._idle:
                self._idle.pop().release()

    def _wake(self) -> None:
        """Wake a thread, or make one. Called with the lock held."""
        if self._idle:
            self._idle.pop().release()
        else:
            try:
                threading.Thread(target=self._work, name=f"task-{self._made + 1}", daemon=True).start()
            except RuntimeError as error:
                if not self._made:
                    raise
                _log.warning("no further thread can be made (%s): tasks wait for the %d there are", error, self._made)
                return
            self._made += 1
        self._waking = True

    def _work(self) -> None:
        bell = threading.Lock()
        bell.acquire()
        woken = True
        while True:
            with self._lock:
                if woken:
                    woken = self._waking = False
                job = self._jobs.popleft() if self._jobs else None
                if job is None:
                    if self._closed:
                        return
                    self._idle.append(bell)
                elif self._jobs and not self._waking:
                    self._wake()
            if job is None:
                bell.acquire()
                woken = True
            else:
                job()
