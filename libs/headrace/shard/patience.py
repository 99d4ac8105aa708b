"""Waiting for a log that is away."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from headrace.shard.ports import LogAway

T = TypeVar("T")
# Often enough that nobody notices the pause, seldom enough to cost nothing.
_RETRY_S = 0.5


def patiently(ask: Callable[[], T], stop: threading.Event | None = None, timeout_s: float | None = None) -> T:
    """Ask until there is an answer: for ever, for `timeout_s`, or until `stop` is set.

    Raises:
        LogAway: there was none in time.
    """
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    stop = stop or threading.Event()
    while True:
        try:
            return ask()
        except LogAway:
            if stop.wait(_RETRY_S) or (deadline is not None and time.monotonic() > deadline):
                raise
