"""Every command that the log has accepted is decided exactly once, in order.

The journal says it: each record names how far the commands have been taken in, and what follows from a command stands
in the very record that moved over it. A run's id is the position of the command that started it.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from headrace.contracts.child_events import ChildCancelRequested
from headrace.contracts.codec import Codec
from headrace.contracts.commands import CancelWorkflow, CompleteTask, FailTask, StartWorkflow, TerminateWorkflow
from headrace.contracts.message import Message
from headrace.contracts.partition import shard_of
from headrace.contracts.record_events import WorkflowContinued
from headrace.contracts.schedule_events import ScheduleCancelRequested
from headrace.contracts.task_events import TaskFailed, TaskSucceeded
from headrace.contracts.topics import (
    RESOURCE_COMMANDS,
    RESOURCE_JOURNAL,
    TASK_JOURNAL,
    WORKER_REPORTS,
    WORKFLOW_COMMANDS,
    WORKFLOW_JOURNAL,
)
from headrace.contracts.workflow_events import (
    CancelRequested,
    CommandForwarded,
    CommandHeld,
    CommandRejected,
    StartRefused,
    WorkflowStarted,
    WorkflowTerminated,
)
from tests.simulation.checkers.histories import ENDS, History
from tests.simulation.checkers.journals import Journal, Journals

CODEC = Codec()
OF_JOURNAL = {WORKFLOW_JOURNAL: WORKFLOW_COMMANDS, TASK_JOURNAL: WORKER_REPORTS, RESOURCE_JOURNAL: RESOURCE_COMMANDS}


def check(journals: Journals, runs: dict[str, History]) -> Iterator[str]:
    """Yield what is wrong."""
    shards = len(journals.of(WORKFLOW_JOURNAL))
    for journal in journals.all:
        yield from _positions(journals, journal)
    for journal in journals.of(WORKFLOW_JOURNAL):
        yield from _workflow_commands(journals, journal, shards)
    yield from _results(journals, runs)
    yield from _starts(runs)
    yield from _asked_for(journals, runs)


def _positions(journals: Journals, journal: Journal) -> Iterator[str]:
    """Commands are taken in without going back, and at rest all of them."""
    topic, partition = OF_JOURNAL[journal.where.topic], journal.where.partition
    position = checkpointed = -1
    for found in journal.follow():
        for moved in found.started.positions if found.started else ():
            if (moved.topic, moved.partition) == (topic, partition):
                checkpointed = max(checkpointed, moved.offset)  # a checkpoint has taken in what changed nothing
        for moved in found.record.positions if found.record else ():
            if (moved.topic, moved.partition) != (topic, partition):
                continue
            if moved.offset <= position or moved.offset < checkpointed:
                at = f"{journal.where}@{found.entry.offset}"
                yield f"{at}: Expected commands after {position}, found {moved.offset}"
            position = moved.offset
    entries = journals.log.entries(topic, partition)
    position = max(position, checkpointed)
    if entries and position != entries[-1].offset:
        last = entries[-1].offset
        yield f"{journal.where}: Expected all commands to be decided up to {last}, but only {position} are"


def _workflow_commands(journals: Journals, journal: Journal, shards: int) -> Iterator[str]:
    """Each command has its effect in the record that moves over it."""
    where = journal.where
    commands = journals.log.entries(WORKFLOW_COMMANDS, where.partition)
    position = -1
    open_runs: dict[str, WorkflowStarted] = {}
    asked: set[str] = set()
    began: set[str] = set()
    for found in journal.follow():
        if found.record is None:
            continue
        moved = position
        for at in found.record.positions:
            if (at.topic, at.partition) == (WORKFLOW_COMMANDS, where.partition):
                moved = at.offset
        taken = {entry.offset: CODEC.decode(entry.value) for entry in commands if position < entry.offset <= moved}
        for problem in _effects(taken, found.record.events, where.partition, shards, open_runs, asked, began):
            yield f"{where}@{found.entry.offset}: {problem}"
        position = moved
        for event in found.record.events:
            if isinstance(event, WorkflowStarted):
                open_runs[event.workflow_id] = event
                began.add(event.command_id)
                asked.discard(event.workflow_id)
            elif isinstance(event, CancelRequested):
                asked.add(event.workflow_id)
            elif isinstance(event, WorkflowContinued):
                began_as = open_runs[event.workflow_id]
                open_runs[event.workflow_id] = msgspec.structs.replace(began_as, run_id=event.next_run_id)
            elif type(event) in ENDS:
                open_runs.pop(getattr(event, "workflow_id", ""), None)


def _effects(
    taken: dict[int, Message],
    events: list[Message],
    partition: int,
    shards: int,
    open_runs: dict[str, WorkflowStarted],
    asked: set[str],
    began: set[str],
) -> Iterator[str]:
    own = f"{partition}-"
    for event in events:
        if isinstance(event, WorkflowStarted) and event.parent is None and event.run_id.startswith(own):
            rest = event.run_id.removeprefix(own)
            if rest.isdigit() and int(rest) not in taken:
                yield f"Expected {event.run_id} to start with its command, but its record moves over {sorted(taken)}"
    for offset, command in taken.items():
        workflow_id = getattr(command, "workflow_id", "")
        if shard_of(workflow_id, shards) != partition:
            sent_on = [e for e in events if isinstance(e, CommandForwarded) and e.workflow_id == workflow_id]
            if not sent_on:
                yield f"Expected command {offset} for {workflow_id} to be forwarded, but it was not"
            continue
        match command:
            case StartWorkflow():
                yield from _start(command, offset, events, open_runs, began)
            case CancelWorkflow() | TerminateWorkflow():
                yield from _end(command, offset, events, open_runs, asked)


def _start(
    command: StartWorkflow,
    offset: int,
    events: list[Message],
    open_runs: dict[str, WorkflowStarted],
    began: set[str],
) -> Iterator[str]:
    """A new id starts a run; a used one starts, joins or is refused, which needs the past, so only new ones here."""
    started = [e for e in events if isinstance(e, WorkflowStarted) and e.command_id == command.command_id]
    refused = [e for e in events if isinstance(e, StartRefused) and e.command_id == command.command_id]
    if len(started) > 1:
        yield f"Expected command {command.command_id} at {offset} to start one run, but found {started}"
    # A command that has begun a run, this one or an earlier, says nothing when it comes again.
    first = command.command_id not in began and not (started or refused)
    if command.if_exists == "fail" and command.workflow_id in open_runs and first:
        yield f"Expected command {command.command_id} at {offset} to be refused, but nothing was said"


def _end(
    command: CancelWorkflow | TerminateWorkflow,
    offset: int,
    events: list[Message],
    open_runs: dict[str, WorkflowStarted],
    asked: set[str],
) -> Iterator[str]:
    """What was open before the record, and has not ended in it otherwise, is asked to end, or ends."""
    run = open_runs.get(command.workflow_id)
    if run is None or command.workflow_id in asked:
        return
    ids = {run.run_id}
    for event in events:
        if isinstance(event, WorkflowContinued) and event.run_id in ids:
            ids.add(event.next_run_id)
    mine = [e for e in events if getattr(e, "run_id", "") in ids and not isinstance(e, WorkflowContinued)]
    wanted: tuple[type[Message], ...] = (*ENDS,)
    if isinstance(command, CancelWorkflow):
        wanted = (CancelRequested, CommandHeld, *ENDS)  # for a stuck run it waits with it
    if not any(isinstance(event, wanted) for event in mine):
        yield f"Expected {type(command).__name__} at {offset} to reach {run.run_id}, but found {mine}"


def _results(journals: Journals, runs: dict[str, History]) -> Iterator[str]:
    """Every end that a worker told stands in the log as a command; and no start is lost."""
    told: set[tuple[str, int, int, int, bool]] = set()
    starts: dict[str, StartWorkflow] = {}
    for journal in journals.of(WORKFLOW_JOURNAL):
        for entry in journals.log.entries(WORKFLOW_COMMANDS, journal.where.partition):
            command = CODEC.decode(entry.value)
            if isinstance(command, CompleteTask | FailTask):
                success = isinstance(command, CompleteTask)
                told.add((command.run_id, command.step, command.attempt, command.assignment, success))
            elif isinstance(command, StartWorkflow):
                starts.setdefault(command.workflow_id, command)
    for run in runs.values():
        for _, event in run.events:
            if isinstance(event, TaskSucceeded) or (isinstance(event, TaskFailed) and _by_worker(event)):
                key = (event.run_id, event.step, event.attempt, event.assignment, isinstance(event, TaskSucceeded))
                if key not in told:
                    yield f"{run.name}: Expected {event} to come from a worker's command, but there is none"
    known = {run.started.workflow_id for run in runs.values()}
    known |= {e.workflow_id for _, _, e in journals.events(WORKFLOW_JOURNAL) if isinstance(e, StartRefused)}
    for workflow_id in starts:
        if workflow_id not in known:
            yield f"Expected a run of {workflow_id}, but its start left no trace"


def _starts(runs: dict[str, History]) -> Iterator[str]:
    """A command starts one run, however often it comes and whatever ran under its id meanwhile."""
    by_command: dict[str, str] = {}
    for run_id, run in runs.items():
        if run.started.command_id and by_command.setdefault(run.started.command_id, run_id) != run_id:
            first = by_command[run.started.command_id]
            yield f"{run.name}: Expected its command to start one run, but it started {first}, too"


def _by_worker(event: TaskFailed) -> bool:
    return not event.error.startswith("headrace.")


def _asked_for(journals: Journals, runs: dict[str, History]) -> Iterator[str]:
    """Nobody is cancelled or terminated unasked, and nothing is rejected that was right."""
    asked: set[tuple[str, type[Message]]] = set()
    for journal in journals.of(WORKFLOW_JOURNAL):
        for entry in journals.log.entries(WORKFLOW_COMMANDS, journal.where.partition):
            command = CODEC.decode(entry.value)
            asked.add((getattr(command, "workflow_id", ""), type(command)))
    left = [event for run in runs.values() for _, event in run.events if isinstance(event, ChildCancelRequested)]
    given_up = {event.child_id for event in left}
    ended = {event.child_id for event in left if event.terminate}
    given_up |= {
        e.workflow_id for _, _, e in journals.events(WORKFLOW_JOURNAL) if isinstance(e, ScheduleCancelRequested)
    }
    for run in runs.values():
        workflow_id = run.started.workflow_id
        allowed = (workflow_id, TerminateWorkflow) in asked or workflow_id in ended
        if isinstance(run.end, WorkflowTerminated) and not allowed:
            yield f"{run.name}: Expected nobody to terminate it, but found {run.end}"
        cancel = run.cancel
        allowed = (workflow_id, CancelWorkflow) in asked or workflow_id in given_up
        if cancel is not None and cancel.reason != "headrace.WorkflowTimedOut" and not allowed:
            yield f"{run.name}: Expected nobody to cancel it, but found {cancel}"
    for topic in OF_JOURNAL:
        for found, _, event in journals.events(topic):
            if isinstance(event, CommandRejected):
                yield f"{found.where}@{found.entry.offset}: Expected no refusal, but found {event.reason}"
