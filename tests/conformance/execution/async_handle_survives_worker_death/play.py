"""A job elsewhere, and two workers, of which the first one dies."""

from __future__ import annotations

from typing import Any

from headrace import PENDING, async_task
from headrace.contracts.worker_events import WorkerLost
from tests.component.execution.mill import Mill

submitted: list[str] = []
polled: list[str] = []
done: list[bool] = []


@async_task(name="export", poll_every=0.01)
class Export:
    """Ends when the test says so."""

    def submit(self, key: str, table: str) -> dict[str, Any]:
        submitted.append(key)
        return {"job": len(submitted), "table": table}

    def poll(self, handle: dict[str, Any]) -> Any:
        polled.append(handle["table"])
        return handle if done else PENDING

    def cancel(self, handle: dict[str, Any]) -> None:
        raise AssertionError("nobody wants that")


def play(mill: Mill) -> dict[str, Any]:
    mill.start_worker("a", [Export])
    mill.schedule("export", b'{"table": "t"}')
    mill.until(lambda: bool(polled))
    del mill.workers["a"]  # it is never heard of again
    mill.runners.pop().close()
    mill.start_worker("b", [Export])
    mill.until(lambda: bool(mill.of(WorkerLost)))
    done.append(True)
    mill.until(lambda: len(mill.results()) == 1)
    return {"submitted": len(submitted)}
