"""The app of worker processes in tests. `HEADRACE_TEST_SCRATCH` is a folder that they share with the test."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from headrace import current, task

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
