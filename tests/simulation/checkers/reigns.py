"""Older code never follows newer, and no timer fires before what waited at take-over is decided."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.timer_events import TimerFired
from headrace.contracts.topics import TASK_JOURNAL, WORKER_REPORTS, WORKFLOW_COMMANDS, WORKFLOW_JOURNAL
from headrace.contracts.worker_events import WorkerLost
from headrace.contracts.workflow_events import CancelRequested
from tests.simulation.checkers.histories import History
from tests.simulation.checkers.journals import Counted, Journal, Journals

TIMED_OUT = "headrace.WorkflowTimedOut"
COMMANDS = {WORKFLOW_JOURNAL: WORKFLOW_COMMANDS, TASK_JOURNAL: WORKER_REPORTS}


def check(journals: Journals, runs: dict[str, History]) -> Iterator[str]:
    """Yield what is wrong."""
    limited = frozenset(run_id for run_id, run in runs.items() if run.started.timeout_ms)
    for journal in journals.all:
        version = 0
        for found in journal.follow():
            if found.started is not None:
                if found.started.code_version < version:
                    at = f"{journal.where}@{found.entry.offset}"
                    yield f"{at}: Expected code {version} or newer, found {found.started}"
                version = max(version, found.started.code_version)
        if journal.where.topic in COMMANDS:
            yield from _timers(journals, journal, COMMANDS[journal.where.topic], limited)


def _timers(journals: Journals, journal: Journal, topic: str, limited: frozenset[str]) -> Iterator[str]:
    """A reign's first timer comes after the commands that the log held when the reign began."""
    commands = journals.log.entries(topic, journal.where.partition)
    position, waiting = -1, -1
    for found in journal.follow():
        if found.started is not None:
            if not found.started.checkpoint:
                waiting = max((c.offset for c in commands if c.seq < found.entry.seq), default=-1)
            continue
        for moved in found.record.positions if found.record else ():
            if (moved.topic, moved.partition) == (topic, journal.where.partition):
                position = moved.offset
        if position < waiting and _is_timed(found, limited):
            yield (
                f"{journal.where}@{found.entry.offset}: Expected timers to wait for command {waiting}, but only "
                f"{position} was decided when one fired"
            )


def _is_timed(found: Counted, limited: frozenset[str]) -> bool:
    assert found.record is not None
    return any(
        isinstance(event, TimerFired)
        or (isinstance(event, WorkerLost) and event.reason == "silent")
        or (isinstance(event, CancelRequested) and event.run_id in limited and event.reason == TIMED_OUT)
        for event in found.record.events
    )
