"""Waiting for what other processes do."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

# Far above what anything here takes, and below the limit of a test, so that the text below is what one reads.
_LIMIT_S = 60

Found = TypeVar("Found")


def wait_until(what: str, condition: Callable[[], Found]) -> Found:
    """Ask until the answer is true (not None, empty or False), and return it."""
    deadline = time.monotonic() + _LIMIT_S
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"Expected within {_LIMIT_S} s: {what}")


def is_running(pid: int) -> bool:
    """Whether there is such a process, other than a zombie that nobody has reaped yet."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8")
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
