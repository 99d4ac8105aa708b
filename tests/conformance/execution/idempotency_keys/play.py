"""One attempt that is delivered twice, and a second attempt."""

from __future__ import annotations

import threading

from headrace import current, task
from tests.component.execution.mill import Mill

keys: list[tuple[str, str]] = []
over = threading.Event()


@task
def pay() -> None:
    keys.append((current().idempotency_key, current().task_key))
    if len(keys) == 1:
        over.wait(60)


def play(mill: Mill) -> dict[str, int]:
    mill.start_worker("a", [pay])
    mill.schedule("pay")
    mill.until(lambda: len(keys) == 1)
    del mill.workers["a"]  # it is never heard of again
    mill.start_worker("b", [pay])
    mill.until(lambda: len(keys) == 2 and bool(mill.results()))
    mill.steps -= 1
    mill.schedule("pay", attempt=2)
    mill.until(lambda: len(keys) == 3)
    over.set()
    attempts, tasks = zip(*keys, strict=True)
    return {"first_two": len(set(attempts[:2])), "attempts": len(set(attempts)), "tasks": len(set(tasks))}
