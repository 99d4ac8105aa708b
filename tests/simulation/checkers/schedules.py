"""Every time of a schedule is started once, waits, or is passed over with a reason; its overlap policy is kept; what it
starts begins once, and its end is told.

A plain model of intervals follows the journals; the engine's own arithmetic is not asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from headrace.contracts import schedule_commands as c
from headrace.contracts import schedule_events as e
from headrace.contracts.codec import Codec
from headrace.contracts.message import Message
from headrace.contracts.topics import WORKFLOW_COMMANDS, WORKFLOW_JOURNAL
from headrace.contracts.wait_events import CommandRefused
from headrace.contracts.workflow_events import StartRefused, WorkflowStarted
from tests.simulation.checkers.histories import ENDS, History
from tests.simulation.checkers.journals import Journals

CODEC = Codec()
SCHEDULE_COMMANDS = (
    c.SetSchedule,
    c.DeleteSchedule,
    c.PauseSchedule,
    c.ResumeSchedule,
    c.TriggerSchedule,
    c.BackfillSchedule,
)
Key = tuple[str, str]
"""Schedule, generation."""


class Model(msgspec.Struct, kw_only=True):
    """One schedule as it should be."""

    spec: e.ScheduleSpec
    next_at: int
    paused: bool
    running: list[str] = []
    waiting: list[tuple[str, str]] = []
    """Cause, workflow id."""
    backfills: list[list[int]] = []
    """Next time, end, whether all at once."""


def check(journals: Journals, runs: dict[str, History]) -> Iterator[str]:
    """Yield what is wrong."""
    models: dict[Key, Model] = {}
    fired: Counter[tuple[Key, str]] = Counter()
    for found, _, event in journals.events(WORKFLOW_JOURNAL):
        if not hasattr(event, "generation"):
            continue
        key = (event.schedule_id, event.generation)
        if isinstance(event, e.ScheduleFired):
            fired[key, event.workflow_id] += 1
        for problem in _follow(models, key, event):
            yield f"{found.where}@{found.entry.offset} schedule {event.schedule_id}: {problem}"
    yield from (f"Expected schedule {key} to have been deleted at rest" for key in models)
    yield from _starts(journals, fired)
    yield from _ends(journals, runs)
    yield from _commands(journals)


def _follow(models: dict[Key, Model], key: Key, event: Message) -> Iterator[str]:
    model = models.get(key)
    if isinstance(event, e.ScheduleSet):
        if model is None:
            if any(schedule_id == key[0] for schedule_id, _ in models):
                yield f"Expected one schedule of an id, but found {event} beside another generation"
            model = models[key] = Model(spec=event.spec, next_at=event.next_at, paused=event.paused)
        model.spec, model.next_at = event.spec, event.next_at
        yield from _on_time(event.spec, event.next_at)
        return
    if model is None:
        yield f"Expected a schedule, but it is gone: {event}"
        return
    if isinstance(event, e.ScheduleDeleted):
        if sorted(event.gives_up) != sorted(workflow_id for _, workflow_id in model.waiting):
            yield f"Expected {model.waiting} to be given up, but found {event}"
        del models[key]
    else:
        yield from FOLLOWERS[type(event)](model, event)


def _paused(model: Model, _event: e.SchedulePaused) -> Iterator[str]:
    model.paused = True
    yield from ()


def _resumed(model: Model, event: e.ScheduleResumed) -> Iterator[str]:
    if model.paused and not event.at < event.next_at <= event.at + model.spec.every_ms:
        yield f"Expected the next time after it was resumed, but found {event}"
    model.paused, model.next_at = False, event.next_at
    yield from _on_time(model.spec, event.next_at)


def _backfill_started(model: Model, event: e.ScheduleBackfillStarted) -> Iterator[str]:
    model.backfills.append([event.first_at, event.until_at, event.overlap == "allow"])
    yield from _on_time(model.spec, event.first_at)


def _cancel_requested(model: Model, event: e.ScheduleCancelRequested) -> Iterator[str]:
    if event.workflow_id not in model.running:
        yield f"Expected nobody to be cancelled that does not run, but found {event}"


def _run_ended(model: Model, event: e.ScheduleRunEnded) -> Iterator[str]:
    if event.workflow_id not in model.running:
        yield f"Expected an end of what runs, but {event.workflow_id} does not"
    else:
        model.running.remove(event.workflow_id)


def _skipped(model: Model, event: e.ScheduleSkipped) -> Iterator[str]:
    if event.first_at != model.next_at or not event.first_at < event.until_at == event.next_at:
        yield f"Expected times from {model.next_at} on to be passed over, but found {event}"
    if event.reason == "headrace.Overlap" and not (model.running or model.waiting):
        yield f"Expected something to run that holds it up, but nothing does: {event}"
    model.next_at = event.next_at
    yield from _on_time(model.spec, event.next_at)


def _queued(model: Model, event: e.ScheduleQueued) -> Iterator[str]:
    if not (model.running or model.waiting):
        yield f"Expected something to run that it waits for, but nothing does: {event}"
    if event.gives_up:
        if event.gives_up != [workflow_id for _, workflow_id in model.waiting]:
            yield f"Expected {model.waiting} to be given up, but found {event}"
        model.waiting.clear()
    model.waiting.append((event.cause, event.workflow_id))
    if event.cause == "time":
        yield from _took_time(model, event)


def _fired(model: Model, event: e.ScheduleFired) -> Iterator[str]:
    waited = (event.cause, event.workflow_id) in model.waiting
    alone = waited
    if model.paused and (waited or event.cause != "trigger"):
        yield f"Expected nothing to start while it is paused, but found {event}"
    if waited:
        if model.waiting[0] != (event.cause, event.workflow_id):
            yield f"Expected {model.waiting[0]} first, but found {event}"
        model.waiting.remove((event.cause, event.workflow_id))
    elif event.cause == "time":
        alone = model.spec.overlap != "allow"
        yield from _took_time(model, event)
    elif event.cause == "backfill":
        backfill = model.backfills[0]
        alone = not backfill[2]
        if event.scheduled_at != backfill[0]:
            yield f"Expected {backfill[0]} next of the backfill, but found {event}"
        backfill[0] = event.backfill_next_at
        if not event.backfill_next_at:
            model.backfills.pop(0)
    if alone and model.running:
        yield f"Expected nothing to run beside it, but {model.running} do: {event}"
    if event.workflow_id not in model.running:
        model.running.append(event.workflow_id)


def _took_time(model: Model, event: e.ScheduleFired | e.ScheduleQueued) -> Iterator[str]:
    """A time is taken once, in its turn, and the next is one interval later."""
    if event.scheduled_at != model.next_at:
        yield f"Expected time {model.next_at}, but found {event}"
    if event.next_at != event.scheduled_at + model.spec.every_ms:
        yield f"Expected the next time one interval later, but found {event}"
    model.next_at = event.next_at


def _on_time(spec: e.ScheduleSpec, time_ms: int) -> Iterator[str]:
    if time_ms % spec.every_ms != spec.offset_ms:
        yield f"Expected a time of {spec}, but found {time_ms}"


FOLLOWERS: dict[type[Message], Callable[[Model, Any], Iterator[str]]] = {
    e.SchedulePaused: _paused,
    e.ScheduleResumed: _resumed,
    e.ScheduleBackfillStarted: _backfill_started,
    e.ScheduleCancelRequested: _cancel_requested,
    e.ScheduleRunEnded: _run_ended,
    e.ScheduleSkipped: _skipped,
    e.ScheduleQueued: _queued,
    e.ScheduleFired: _fired,
}


def _starts(journals: Journals, fired: Counter[tuple[Key, str]]) -> Iterator[str]:
    """What a schedule starts begins once, or is refused, and nothing else begins in a schedule's name."""
    began: Counter[tuple[Key, str]] = Counter()
    told: Counter[tuple[Key, str]] = Counter()
    for _, _, event in journals.events(WORKFLOW_JOURNAL):
        if isinstance(event, WorkflowStarted | StartRefused) and event.parent is not None and event.parent.step == -1:
            key = ((event.parent.workflow_id, event.parent.run_id), event.workflow_id)
            told[key] += 1
            began[key] += isinstance(event, WorkflowStarted)
    for key, count in fired.items():
        if not 1 <= told[key] <= count:
            yield f"Expected {key}, fired {count} times, to begin or be refused, but that was {told[key]} times"
    for key, count in began.items():
        if count > 1 or key not in fired:
            yield f"Expected {key} to begin once because its schedule fired, but it began {count} times"


def _ends(journals: Journals, runs: dict[str, History]) -> Iterator[str]:
    ends = {
        (run.started.parent.workflow_id, run.started.parent.run_id, run.started.workflow_id): ENDS[type(run.end)]
        for run in runs.values()
        if run.started.parent is not None and run.started.parent.step == -1 and run.end is not None
    }
    for found, _, event in journals.events(WORKFLOW_JOURNAL):
        if isinstance(event, e.ScheduleRunEnded) and event.status != "REFUSED":
            wanted = ends.get((event.schedule_id, event.generation, event.workflow_id))
            if event.status != wanted:
                yield f"{found.where}@{found.entry.offset}: Expected the end to be {wanted}, but found {event}"


def _commands(journals: Journals) -> Iterator[str]:
    """Each command is decided: with one effect, however often it comes, or refused."""
    effects: Counter[str] = Counter()
    refused: set[str] = set()
    queued: set[str] = set()
    for _, _, event in journals.events(WORKFLOW_JOURNAL):
        if isinstance(event, CommandRefused):
            refused.add(event.command_id)
        elif isinstance(event, e.ScheduleFired) and event.command_id in queued:
            queued.remove(event.command_id)  # what its command has asked for, later
        elif hasattr(event, "generation") and (command_id := getattr(event, "command_id", "")):
            effects[command_id] += 1
            if isinstance(event, e.ScheduleQueued):
                queued.add(command_id)
    for command_id, count in effects.items():
        if count != 1:
            yield f"Expected command {command_id} to be decided once, but it was {count} times"
    for journal in journals.of(WORKFLOW_JOURNAL):
        for entry in journals.log.entries(WORKFLOW_COMMANDS, journal.where.partition):
            command = CODEC.decode(entry.value)
            if not isinstance(command, SCHEDULE_COMMANDS):
                continue
            if not effects[command.command_id] and command.command_id not in refused:
                yield f"Expected {command} to be decided, but it left no trace"
