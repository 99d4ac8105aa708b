"""What bounds an attempt while it waits and while it runs: heaps of when to look, in `state.live`.

An entry may be out of date: who looks (`decide/timers.py`) compares it with what is so by then.
"""

from __future__ import annotations

from heapq import heapify, heappush

from headrace.contracts.task_events import TaskScheduled
from headrace_execution.dispatcher.lanes import Attempt
from headrace_execution.dispatcher.state import DispatcherState

HEARTBEAT = "heartbeat"
START_TO_CLOSE = "start_to_close"
SCHEDULE_TO_START = "schedule_to_start"
SCHEDULE_TO_CLOSE = "schedule_to_close"
WARN_AFTER = "warn_after"


def set_waits(state: DispatcherState, attempt: Attempt) -> None:
    """Set what bounds an open attempt, whether it waits or runs."""
    rules = attempt.task.rules
    if rules is None:
        return
    waits = state.live.waits
    if rules.schedule_to_start_ms and not attempt.assignment:
        heappush(waits, (attempt.since + rules.schedule_to_start_ms, attempt.key, SCHEDULE_TO_START))
    if rules.close_by:
        heappush(waits, (rules.close_by, attempt.key, SCHEDULE_TO_CLOSE))
    if len(waits) > 64 and len(waits) > 4 * len(state.open):
        waits[:] = sorted({entry for entry in waits if entry[1] in state.open})


def set_deadlines(state: DispatcherState, at: int, number: int, task: TaskScheduled) -> None:
    """Set the limits of an assignment that was made at a time (ms since the epoch)."""
    deadlines = state.live.deadlines
    warn_after_ms = 0 if task.rules is None else task.rules.warn_after_ms
    after = ((START_TO_CLOSE, task.timeout_ms), (HEARTBEAT, task.heartbeat_ms), (WARN_AFTER, warn_after_ms))
    for limit, after_ms in after:
        if after_ms:
            heappush(deadlines, (at + after_ms, number, limit))
    if len(deadlines) > 64 and len(deadlines) > 4 * len(state.assignments):
        deadlines[:] = [entry for entry in deadlines if entry[1] in state.assignments]
        heapify(deadlines)
