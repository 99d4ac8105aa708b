"""A record of another service's or shard's journal: the events in it that are addressed to this shard."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from headrace.contracts.child_events import ChildCancelRequested, ChildRequested
from headrace.contracts.codec import DecodeError
from headrace.contracts.dispatch_events import (
    AttemptLost,
    AttemptTimedOut,
    BacklogCleared,
    BacklogFull,
    QueueLimited,
    RoomGranted,
    TaskRequeued,
)
from headrace.contracts.journal import JournalRecord
from headrace.contracts.message import Message
from headrace.contracts.references import ParentRef
from headrace.contracts.resource_events import LeaseGranted, LeaseRefused
from headrace.contracts.schedule_commands import ScheduleCommand
from headrace.contracts.schedule_events import ScheduleCancelRequested, ScheduleFired
from headrace.contracts.wait_events import AttachRequested, SignalRequested, StepAnswered, StepCancelled
from headrace.contracts.workflow_events import (
    ActivationYielded,
    CommandForwarded,
    PreviousRecorded,
    StartRefused,
    WorkflowCancelled,
    WorkflowFailed,
    WorkflowSucceeded,
    WorkflowTerminated,
    WorkflowTimedOut,
)
from headrace.engine.context import Context
from headrace.engine.decide.answers import attach_given_up, attach_requested, step_answered
from headrace.engine.decide.backlogs import noted
from headrace.engine.decide.child_ended import child_ended
from headrace.engine.decide.commands import decide_command, hold, rejected, waits_with
from headrace.engine.decide.dispatch import (
    attempt_lost,
    attempt_timed_out_at_dispatcher,
    task_requeued,
)
from headrace.engine.decide.end_workflow import cancel_child, cancel_scheduled
from headrace.engine.decide.leases import lease_granted, lease_refused
from headrace.engine.decide.parking import DECISION_FAILED, park, parking
from headrace.engine.decide.schedule_runs import scheduled_run_ended
from headrace.engine.decide.signals import signal_requested
from headrace.engine.decide.start_below import start_child, start_scheduled
from headrace.engine.evolve.workflow import WorkflowEnd
from headrace.engine.schedules.schedule import is_schedule
from headrace.engine.state import ShardState
from headrace.shard.decider import Input

_NEVER_HELD = (AttachRequested, SignalRequested, StepCancelled)
"""What runs no code of the workflow that it is about: whoever sent it would wait for an answer."""
_ENDS = (WorkflowSucceeded, WorkflowFailed, WorkflowCancelled, WorkflowTerminated, WorkflowTimedOut)


def decide_journal(context: Context, state: ShardState, item: Input, now_ms: int) -> Iterator[Message]:
    """Decide, event by event, what a journal record says to this shard: one that breaks takes no other with it."""
    record = item.message
    assert isinstance(record, JournalRecord), (
        f"Expected a journal record, but found {record!r} at {item.topic}/{item.partition}@{item.offset}"
    )
    for at, event in enumerate(record.events):
        run_id = f"j{item.partition}-{item.offset}-{at}"
        try:
            events = parking(context, state, _decide(context, state, item, event, run_id, now_ms), now_ms)
            if state.pending:
                events = _pending_once(state, events)
            yield from events
        except Exception as error:  # noqa: BLE001  the other events are about other workflows
            cause = f"{type(error).__name__}: {error}, at {item.topic}/{item.partition}@{item.offset}"
            concerned = _concerned(context, event)
            if concerned in state.runs:
                yield from park(context, state, concerned, cause, now_ms)
            else:
                yield rejected(context, item, DECISION_FAILED, cause, now_ms)


def _pending_once(state: ShardState, events: Iterator[Message]) -> Iterator[Message]:
    """Yield a decision's events; a run that waits for its next part already does not wait a second time."""
    for event in events:
        if not isinstance(event, ActivationYielded) or event.workflow_id not in state.pending:
            yield event


def concerned_by(context: Context, message: Message | None) -> list[str]:
    """Return the ids of this shard's workflows that an input is about."""
    if isinstance(message, ScheduleCommand):
        return []
    if not isinstance(message, JournalRecord):
        return [getattr(message, "workflow_id", "")]
    found = [_concerned(context, event) for event in message.events]
    return list(dict.fromkeys(workflow_id for workflow_id in found if workflow_id))


def _decide(
    context: Context, state: ShardState, item: Input, event: Message, run_id: str, now_ms: int
) -> Iterator[Message]:
    mine = context.shards.shard
    concerned = _concerned(context, event)
    run = state.runs.get(concerned) if concerned else None
    ends_it = isinstance(event, ChildCancelRequested) and event.terminate
    if run is not None and waits_with(run) and not ends_it and not isinstance(event, _NEVER_HELD):
        yield from hold(context, run, context.codec.encode(event), now_ms)
        return
    if getattr(event, "to_shard", mine) != mine:
        return
    yield from decide_event(context, state, item, event, concerned, run_id, now_ms)


def decide_event(
    context: Context, state: ShardState, item: Input, event: Message, concerned: str, run_id: str, now_ms: int
) -> Iterator[Message]:
    """Decide an event that is for this shard, and concerns this workflow of it, if any."""
    match event:
        case CommandForwarded():
            forwarded = _forwarded(context, item, event)
            yield from decide_command(context, state, forwarded, run_id, now_ms)
        case ChildRequested():
            yield from start_child(context, state, event, run_id, now_ms)
        case ChildCancelRequested():
            yield from cancel_child(context, state, event, now_ms)
        case ScheduleFired():
            yield from start_scheduled(context, state, event, run_id, now_ms)
        case ScheduleCancelRequested():
            yield from cancel_scheduled(context, state, event, now_ms)
        case AttachRequested() | SignalRequested() | StepCancelled() | StepAnswered():
            yield from _from_another(context, state, event, now_ms)
        case StartRefused() if event.parent is not None and is_schedule(event.parent):
            yield from scheduled_run_ended(context, state, event.parent, event, now_ms)
        case StartRefused() if event.parent is not None and concerned:
            yield from child_ended(context, state, event.parent, event, now_ms)
        case _ if isinstance(event, _ENDS):
            yield from _workflow_ended(context, state, event, concerned, now_ms)
        case _:
            yield from _answer(context, state, event, now_ms)


def _from_another(
    context: Context,
    state: ShardState,
    event: AttachRequested | SignalRequested | StepCancelled | StepAnswered,
    now_ms: int,
) -> Iterator[Message]:
    """Decide what a workflow asks of another one, or answers."""
    match event:
        case AttachRequested():
            yield from attach_requested(context, state, event, now_ms)
        case SignalRequested():
            yield from signal_requested(context, state, event, now_ms)
        case StepCancelled():
            yield from attach_given_up(state, event, now_ms)
        case StepAnswered():
            yield from step_answered(context, state, event, now_ms)


def _answer(context: Context, state: ShardState, event: Message, now_ms: int) -> Iterator[Message]:
    """Decide what a dispatcher or a resource manager says of an attempt."""
    match event:
        case AttemptTimedOut():
            yield from attempt_timed_out_at_dispatcher(context, state, event, now_ms)
        case QueueLimited() | BacklogFull() | BacklogCleared() | RoomGranted():
            yield from noted(context, state, event, now_ms)
        case AttemptLost():
            yield from attempt_lost(context, state, event, now_ms)
        case TaskRequeued():
            yield from task_requeued(state, event, now_ms)
        case LeaseGranted():
            yield from lease_granted(context, state, event, now_ms)
        case LeaseRefused():
            yield from lease_refused(context, state, event, now_ms)


def _workflow_ended(
    context: Context, state: ShardState, event: WorkflowEnd, concerned: str, now_ms: int
) -> Iterator[Message]:
    if event.parent is not None and is_schedule(event.parent):
        yield from scheduled_run_ended(context, state, event.parent, event, now_ms)
    elif event.parent is not None and concerned:
        yield from child_ended(context, state, event.parent, event, now_ms)
    if isinstance(event, WorkflowSucceeded) and event.key:
        yield PreviousRecorded(name=event.name, key=event.key, output=event.output, at=now_ms)


def _concerned(context: Context, event: Message) -> str:
    """Return the id of this shard's workflow that an event concerns; empty when it concerns none, or may only start
    one.
    """
    match event:
        case AttemptTimedOut() | AttemptLost() | TaskRequeued():
            workflow_id = event.workflow_id
        case LeaseGranted() | LeaseRefused():
            workflow_id = event.holder.workflow_id
        case ChildCancelRequested():
            workflow_id = event.child_id
        case AttachRequested() | SignalRequested() | StepCancelled():
            workflow_id = event.target
        case StepAnswered():
            workflow_id = event.workflow_id
        case ScheduleCancelRequested():
            workflow_id = event.workflow_id
        case StartRefused() | WorkflowSucceeded() | WorkflowFailed() | WorkflowCancelled():
            workflow_id = _waiting_parent(event.parent)
        case WorkflowTerminated() | WorkflowTimedOut():
            workflow_id = _waiting_parent(event.parent)
        case _:
            return ""
    mine = bool(workflow_id) and context.shards.of_workflow(workflow_id) == context.shards.shard
    return workflow_id if mine else ""


def _waiting_parent(parent: ParentRef | None) -> str:
    """Return the id of the workflow that waits for a child; empty where none does: a schedule is no workflow."""
    return "" if parent is None or is_schedule(parent) else parent.workflow_id


def _forwarded(context: Context, item: Input, event: CommandForwarded) -> Input:
    """Return a forwarded command as the input that it would have been on its own shard."""
    try:
        message, error = context.codec.decode(event.command), ""
    except DecodeError as failure:
        message, error = None, str(failure)
    return msgspec.structs.replace(
        item,
        message=message,
        error=error,
        value=event.command,
        key=event.workflow_id.encode(),
        trace=event.trace,
        at=event.logged_at or item.at,
    )
