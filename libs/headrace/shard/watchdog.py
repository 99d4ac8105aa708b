"""Ends the process when its loop stands still: what hangs for good must not hold shards for good."""

from __future__ import annotations

import faulthandler
import os
import sys
import threading
import time
from types import TracebackType
from typing import Self

EXIT_CODE = 70  # EX_SOFTWARE of sysexits.h


class Watchdog:
    """A thread that looks whether the loop still goes round.

    It ends the process without cleaning up: that might hang, too.
    """

    def __init__(self, name: str, limit_ms: int) -> None:
        """Watch from `__enter__` to `__exit__`; the loop must say `alive` more often than `limit_ms`."""
        self._name = name
        self._limit_s = limit_ms / 1000
        self._alive_at = time.monotonic()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def alive(self) -> None:
        """Say that the loop goes round."""
        self._alive_at = time.monotonic()

    def __enter__(self) -> Self:
        """Begin to watch."""
        self.alive()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Watch no more."""
        self._done.set()

    def _watch(self) -> None:
        while not self._done.wait(self._limit_s / 4):
            stands_s = time.monotonic() - self._alive_at
            if stands_s > self._limit_s:
                sys.stderr.write(
                    f"{self._name}: expected the loop to go round, but it has stood still for {stands_s:.0f} s. "
                    "The process ends, so that another takes its shards; where it stands:\n"
                )
                sys.stderr.flush()
                faulthandler.dump_traceback(all_threads=True)
                os._exit(EXIT_CODE)
