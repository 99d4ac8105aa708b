"""A coroutine and a thread that are not wanted any more."""

from __future__ import annotations

import asyncio
import threading

from headrace import current, task
from headrace.contracts.dispatch_events import AssignmentsEnded
from headrace.contracts.workflow_events import WorkflowTerminated
from tests.component.execution.mill import Mill

running: list[str] = []
cleaned: list[str] = []


@task
async def coroutine() -> str:
    running.append("coroutine")
    try:
        await asyncio.sleep(3_600)
    finally:
        cleaned.append("coroutine")
    return "never"


@task
def thread() -> str:
    told = threading.Event()
    current().on_cancel(told.set)
    running.append("thread")
    told.wait(60)
    cleaned.append(f"thread, cancelled: {current().cancelled}")
    return "dropped"


def play(mill: Mill) -> list[str]:
    mill.start_worker("a", [coroutine, thread])
    mill.schedule("coroutine")
    mill.schedule("thread")
    mill.until(lambda: len(running) == 2)
    mill.decide("w-run", WorkflowTerminated(workflow_id="w-run", run_id="run", at=0))
    mill.until(lambda: sum(len(event.assignments) for event in mill.of(AssignmentsEnded)) == 2)
    return sorted(cleaned)
