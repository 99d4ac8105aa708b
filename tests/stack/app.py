"""The app that the whole-stack tests run: tasks, workflows, a listener and a trigger."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from headrace import LargeValue, NonRetryable, Retry, current, listener, task, trigger, workflow
from headrace.engine.programs.python.errors import TaskFailed

SCRATCH = Path(os.environ.get("HEADRACE_TEST_SCRATCH", "."))


@task
def double(x: int) -> int:
    return 2 * x


@task
async def triple(x: int) -> int:
    return 3 * x


@task
def total(values: list[int]) -> int:
    return sum(values)


@task(retry=Retry(max_attempts=3, interval="100ms"))
def flaky() -> int:
    """Fails on its first attempt."""
    if current().attempt == 1:
        raise ValueError("not yet")
    return current().attempt


@task
def explode() -> None:
    raise LookupError("nothing there")


@task(retry=Retry(max_attempts=5, interval="10ms"))
def refuse() -> None:
    raise NonRetryable("never")


@task
def leave() -> None:
    sys.exit(3)


@task
def unserialisable() -> Any:
    return threading.Lock()


@task
def huge() -> str:
    return "x" * 2_000_000


@task
def rows(count: int) -> list[int]:
    return [7] * count


@task
async def total_beside(values: list[int]) -> int:
    return sum(values)


@task(pool="cpu")
def doubled_rows(values: list[int]) -> list[int]:
    return values + values


@task
def kill_worker() -> None:
    os._exit(9)


@task(timeout="500ms")
def linger() -> None:
    """Takes longer than it may, unless it is told to stop."""
    end = time.monotonic() + 20
    while time.monotonic() < end and not current().cancelled:
        time.sleep(0.02)


@task
def chatter() -> str:
    print("printed by the task")  # noqa: T201
    current().log.info("logged by the task")
    return "said"


@task
def hold(name: str) -> list[float]:
    """Note when the lease was held, and its token."""
    began = time.time()
    time.sleep(0.1)
    return [began, time.time(), current().fencing_token]


@task
def wait_for_file(name: str) -> str:
    """Wait until the test writes a file, or until nobody wants the answer."""
    while not (SCRATCH / name).exists():
        if current().cancelled:
            return "cancelled"
        time.sleep(0.02)
    return name


@workflow
async def arithmetic(ctx: Any, n: int) -> dict[str, Any]:
    doubled = await ctx.map(double, range(n))
    tripled = await ctx.run(triple, n)
    try:
        await ctx.run(explode)
    except TaskFailed as failed:
        error = failed.error
    child = await ctx.child(adder, values=doubled)
    return {"doubled": doubled, "tripled": tripled, "error": error, "sum": child}


@workflow
async def adder(ctx: Any, values: list[int]) -> int:
    return await ctx.run(total, values)


@workflow
async def endless(ctx: Any) -> None:
    while True:
        pass


@workflow
async def order(ctx: Any, amount: int) -> int:
    return await ctx.run(double, amount)


@workflow
async def one_task(ctx: Any, task: str) -> Any:
    return await ctx.run(flaky if task == "flaky" else task)


@workflow
async def large(ctx: Any, count: int, more: list[int]) -> dict[str, Any]:
    """Rows that are large go from task to task unseen."""
    made = await ctx.run(rows, count)
    doubled = await ctx.run(doubled_rows, made)
    totals = await ctx.gather(*[ctx.run(total_beside, each) for each in (made, doubled, more)])
    child = await ctx.child(adder, values=made)
    return {"made": made, "totals": totals, "child": child, "unseen": isinstance(doubled, LargeValue)}


@workflow
async def waits_then_adds(ctx: Any, name: str, values: list[int]) -> int:
    await ctx.run(wait_for_file, name)
    return await ctx.run(total, values)


@workflow
async def waits(ctx: Any, name: str) -> str:
    return await ctx.run(wait_for_file, name)


orders = trigger(topic="test-orders", id="'order-' & $record.key", workflow=order)


@listener(
    events=["TaskFailed", "TaskTimedOut"], where="$event.task = 'explode' or $event.task = 'linger'", start="earliest"
)
def tell(event: Any) -> None:
    with (SCRATCH / "told.txt").open("a", encoding="utf-8") as file:
        file.write(f"{event.type} {event.workflow_id} {event.task}\n")
