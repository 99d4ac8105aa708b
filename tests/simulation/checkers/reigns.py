"""Older code decides nothing after newer, and no timer fires before what waited at take-over is decided.

An `EpochStarted` of older code may follow: a zombie's checkpoint opens a reign in which nothing is decided, and older
code that looked back just before newer code began declines once it has replayed that. What counts is what is decided.
"""

from __future__ import annotations

from collections.abc import Iterator

from headrace.contracts.dispatch_events import AttemptTimedOut, TaskOverdue
from headrace.contracts.message import Message
from headrace.contracts.timer_events import TimerFired
from headrace.contracts.topics import TASK_JOURNAL, WORKER_REPORTS, WORKFLOW_COMMANDS, WORKFLOW_JOURNAL
from headrace.contracts.worker_events import WorkerJoined, WorkerLeft, WorkerLost
from headrace.contracts.workflow_events import CancelRequested
from headrace.shard.ports import TopicPartition
from tests.simulation.checkers.histories import History
from tests.simulation.checkers.journals import Journal, Journals

TIMED_OUT = "headrace.WorkflowTimedOut"
Checkpoints = dict[tuple[TopicPartition, int], dict[TopicPartition, int]]
COMMANDS = {WORKFLOW_JOURNAL: WORKFLOW_COMMANDS, TASK_JOURNAL: WORKER_REPORTS}


def check(journals: Journals, runs: dict[str, History], checkpoints: Checkpoints) -> Iterator[str]:
    """Yield what is wrong. `checkpoints` tells what reigns began from."""
    limited = frozenset(run_id for run_id, run in runs.items() if run.started.timeout_ms)
    for journal in journals.all:
        yield from _versions(journal)
        if journal.where.topic in COMMANDS:
            yield from _timers(journals, journal, checkpoints, limited)


def _versions(journal: Journal) -> Iterator[str]:
    """What older code appends after newer code has begun a reign is no decision."""
    newest = reigning = 0
    for found in journal.follow():
        if found.started is not None:
            reigning = found.started.code_version
            newest = max(newest, reigning)
        elif reigning < newest:
            at = f"{journal.where}@{found.entry.offset}"
            yield f"{at}: Expected decisions of code {newest} or newer, but code {reigning} decided {found.record}"


def _timers(journals: Journals, journal: Journal, checkpoints: Checkpoints, limited: frozenset[str]) -> Iterator[str]:
    """A reign's first timer comes after the commands that the log held when the reign began.

    How far they are taken in is what the records say, and the checkpoint that the reign began from.
    """
    source = TopicPartition(COMMANDS[journal.where.topic], journal.where.partition)
    commands = journals.log.entries(*source)
    position, waiting = -1, -1
    sessions: dict[str, str] = {}
    for found in journal.follow():
        if found.started is not None:
            position = max(position, checkpoints.get((journal.where, found.epoch), {}).get(source, -1))
            if not found.started.checkpoint:
                waiting = max((c.offset for c in commands if c.seq < found.entry.seq), default=-1)
            continue
        assert found.record is not None
        for moved in found.record.positions:
            if (moved.topic, moved.partition) == source:
                position = moved.offset
        timed = [event for event in found.record.events if _is_timed(event, sessions, limited)]
        if position < waiting and timed:
            yield (
                f"{journal.where}@{found.entry.offset}: Expected timers to wait for command {waiting}, but only "
                f"{position} was decided when one fired: {timed}"
            )


def _is_timed(event: Message, sessions: dict[str, str], limited: frozenset[str]) -> bool:
    """Tell whether only a timer makes such an event. `sessions` are those of the workers that have joined."""
    match event:
        case WorkerJoined():
            sessions[event.worker] = event.session
        case WorkerLost() | WorkerLeft():
            # A worker that is not known is told that it is lost when it reports; that is no timer.
            known = sessions.get(event.worker) == event.session
            if known:
                del sessions[event.worker]
            return known and isinstance(event, WorkerLost) and event.reason == "silent"
        case AttemptTimedOut():
            return event.timeout != "schedule_to_start"
        case CancelRequested():
            return event.run_id in limited and event.reason == TIMED_OUT
    return isinstance(event, TimerFired | TaskOverdue)
