"""What runs while everything is restarted: short tasks, and long ones of every kind."""

from __future__ import annotations

import time
from asyncio import sleep
from typing import Any

from headrace import PENDING, async_task, current, task, workflow

QUEUE = "rolling"
# Every so many workflows one has a long task, of these kinds in turn; the others have three short ones.
LONG_EVERY = 8
SHORT_S = 0.005
LONG_S = 2.0
# Longer than a stopping worker waits: it is handed back, and run anew.
ENDLESS_S = 6.0
COMPUTE_S = 0.1


@task(queue=QUEUE)
def rolling_short(value: int) -> int:
    """Take a few milliseconds."""
    time.sleep(SHORT_S)
    return value


@task(queue=QUEUE)
def rolling_thread(value: int) -> int:
    """Take a while in a thread."""
    time.sleep(LONG_S)
    return value


@task(queue=QUEUE)
def rolling_handed_back(value: int) -> int:
    """Take longer than a worker that stops waits, and end when it is told to."""
    ends_at = time.monotonic() + ENDLESS_S
    while time.monotonic() < ends_at and not current().cancelled:
        time.sleep(0.02)
    return value


@task(queue=QUEUE)
async def rolling_coroutine(value: int) -> int:
    """Take a while on the loop."""
    await sleep(LONG_S)
    return value


@task(queue=QUEUE, pool="rolling")
def rolling_process(value: int) -> int:
    """Compute in a process."""
    ends_at = time.process_time() + COMPUTE_S
    while time.process_time() < ends_at:
        pass
    return value


@async_task(queue=QUEUE, poll_every="200ms")
class RollingOutside:
    """Something that is done outside, and takes longer than one worker lives."""

    def submit(self, key: str, value: int) -> dict[str, Any]:
        """Begin; the handle says what and until when."""
        return {"value": value, "ends_at": time.time() + ENDLESS_S}

    def poll(self, handle: dict[str, Any]) -> Any:
        """Return the value once it is time."""
        return handle["value"] if time.time() >= handle["ends_at"] else PENDING

    def cancel(self, handle: dict[str, Any]) -> None:
        """There is nothing to stop."""


LONG = (rolling_thread, rolling_handed_back, rolling_coroutine, rolling_process, RollingOutside)


@workflow
async def rolling(ctx: Any, value: int) -> int:
    """Run one long task, or three short ones."""
    if value % LONG_EVERY == 0:
        found: int = await ctx.run(LONG[value // LONG_EVERY % len(LONG)], value)
        return found
    for _ in range(3):
        value = await ctx.run(rolling_short, value)
    return value
