"""The app of worker processes in tests. `HEADRACE_TEST_SCRATCH` is a folder that they share with the test."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

from headrace import PENDING, async_task, current, task

SCRATCH = Path(os.environ.get("HEADRACE_TEST_SCRATCH", "."))


@task
def add(a: int, b: int = 1) -> int:
    print(f"adding {a} and {b}")  # noqa: T201  what tasks print is tested
    return a + b


@task
async def wait_for(name: str) -> str:
    """End when somebody makes the file."""
    (SCRATCH / f"{name}-{current().assignment}-started").touch()
    while not (SCRATCH / name).exists():  # noqa: ASYNC110  the test is another process
        await asyncio.sleep(0.02)
    return name


@task
def die() -> None:
    """End the process as a crash would."""
    os.kill(os.getpid(), signal.SIGKILL)


@task(pool="cpu")
def crash() -> None:
    """End the process of the pool."""
    os._exit(7)


@async_task(name="export", poll_every=0.05)
class Export:
    """Outside work that is done when somebody makes the file."""

    def submit(self, key: str, name: str) -> str:
        (SCRATCH / f"{name}-submitted-{time.monotonic_ns()}").touch()
        return name

    def poll(self, name: str) -> object:
        (SCRATCH / f"{name}-polled-{os.getpid()}").touch()
        return name if (SCRATCH / name).exists() else PENDING

    def cancel(self, name: str) -> None:
        (SCRATCH / f"{name}-cancelled").touch()
