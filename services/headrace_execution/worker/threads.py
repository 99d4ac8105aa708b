"""Threads for plain functions: as many as there are jobs, kept for the next ones, never in the way of the end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue


class Threads:
    """Runs each job at once in a thread of its own, an idle one where there is one.

    The dispatcher bounds how many run; a job that does not let itself be stopped must not keep the next one waiting, so
    there is no bound here. The threads are daemons: a process that stops does not wait for them.
    """

    def __init__(self) -> None:
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._idle = 0
        self._made = 0

    def run(self, job: Callable[[], None]) -> None:
        """Run a job, which must not raise."""
        with self._lock:
            if self._idle:
                self._idle -= 1
            else:
                self._made += 1
                threading.Thread(target=self._work, name=f"task-{self._made}", daemon=True).start()
        self._jobs.put(job)

    def close(self) -> None:
        """Let idle threads end."""
        with self._lock:
            for _ in range(self._idle):
                self._jobs.put(None)
            self._idle = 0

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            if job is None:
                return
            job()
            with self._lock:
                self._idle += 1
