"""Back-pressure: what is held back while a queue is full, what goes out when there is room, which starts are refused.

See `headrace.engine.backlogs` for the protocol.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from headrace.contracts.backlog_events import BacklogNoted, RoomRequested, TaskHeld
from headrace.contracts.definitions import Definition
from headrace.contracts.dispatch_events import BacklogCleared, BacklogFull, QueueLimited, RoomGranted
from headrace.contracts.message import Message
from headrace.contracts.task_events import TaskScheduled
from headrace.engine.backlogs import REFUSE, UNBOUNDED, WAIT, Backlog, Backlogs
from headrace.engine.context import Context
from headrace.engine.decide.attempts import attempt_timed_out, request_of
from headrace.engine.decide.parking import park, parking
from headrace.engine.decide.requests import attempt_event, size_of
from headrace.engine.run import HELD, Run
from headrace.engine.state import ShardState

SCHEDULE_TO_START, SCHEDULE_TO_CLOSE = "schedule_to_start", "schedule_to_close"


def holding(state: ShardState, events: Iterator[Message]) -> Iterator[Message]:
    """Return the events of a decision; what goes to a full queue is held back instead."""
    return _held_back(state, events) if state.backlogs.queues else events


def noted(
    context: Context, state: ShardState, event: QueueLimited | BacklogFull | BacklogCleared | RoomGranted, now_ms: int
) -> Iterator[Message]:
    """Note what a dispatcher says of a queue. What goes out then is pending."""
    known = state.backlogs.queues.get(event.queue)
    match event:
        case QueueLimited():
            backlog, when_full, waiting = event.backlog, event.when_full, 0 if known is None else known.waiting
            full = known is not None and known.full and backlog > 0
            bounded = backlog > 0 and when_full == WAIT
            # Each shard begins with its part of what may wait.
            room = max(backlog // context.shards.decision, 1) if bounded else UNBOUNDED
            if known is None and not bounded:
                return
        case BacklogFull():
            backlog, when_full, waiting, full = event.backlog, event.when_full, event.waiting, True
            room = UNBOUNDED
        case BacklogCleared():
            backlog, when_full, waiting, full = event.backlog, event.when_full, event.waiting, False
            room = event.room
        case RoomGranted():
            if known is None:
                return
            backlog, when_full, waiting, full = known.backlog, known.when_full, known.waiting, known.full
            room = event.room
    if full and when_full == WAIT:
        room = 0
    if known is None and not full and not (backlog and when_full == WAIT):
        return
    yield BacklogNoted(
        queue=event.queue, full=full, when_full=when_full, waiting=waiting, backlog=backlog, room=room, at=now_ms
    )


def full_queue(state: ShardState, definition: Definition) -> Backlog | None:
    """Return a full queue of a workflow that refuses starts; None where there is none."""
    refusing = {name for name, each in state.backlogs.queues.items() if each.full and each.when_full == REFUSE}
    if not refusing:
        return None
    declared = msgspec.json.decode(definition.options or b"{}").get("queues", ())
    found = sorted(refusing.intersection(declared))
    return state.backlogs.queues[found[0]] if found else None


def waited_too_long(context: Context, run: Run, step: int, now_ms: int) -> Iterator[Message]:
    """A task was held back beyond one of its limits: it has timed out, as it would have at the dispatcher."""
    found = run.open[step]
    timeout = SCHEDULE_TO_CLOSE if found.close_by and found.close_by <= found.due_at else SCHEDULE_TO_START
    yield from attempt_timed_out(context, run, step, timeout=timeout, now_ms=now_ms)


def has_room(backlogs: Backlogs) -> bool:
    """Tell whether something may go out, or room must be asked for."""
    return any(each.releasable or each.wants for each in backlogs.queues.values())


def release(context: Context, state: ShardState, now_ms: int) -> Iterator[Message]:
    """Let out what there is room for, as much of it as one decision may hold; ask for more room where some is left."""
    for queue in sorted(state.backlogs.queues):
        backlog = state.backlogs.queues.get(queue)
        while backlog is not None and backlog.releasable:
            if context.room.left <= 0:
                return
            workflow_id, step = backlog.first()
            try:
                yield from parking(context, state, _released(context, state, workflow_id, step, now_ms), now_ms)
            except Exception as error:  # noqa: BLE001  what else waits is other workflows'
                yield from park(context, state, workflow_id, f"{type(error).__name__}: {error}, when held back", now_ms)
            backlog = state.backlogs.queues.get(queue)
        if backlog is not None and backlog.wants:
            yield RoomRequested(queue=queue, held=len(backlog.entries), at=now_ms)


def _released(context: Context, state: ShardState, workflow_id: str, step: int, now_ms: int) -> Iterator[Message]:
    run = state.runs[workflow_id]
    found = run.open[step]
    assert found.phase == HELD, f"Expected step {step} of {workflow_id} to be held back, but it is {found.phase}"
    request = yield from request_of(context, run, step, now_ms)
    if request is not None:
        context.room.left -= size_of(request)
        yield attempt_event(
            run, step, request, attempt=found.attempt, losses=found.losses, token=found.fencing_token, now_ms=now_ms
        )


def _held_back(state: ShardState, events: Iterable[Message]) -> Iterator[Message]:
    queues = state.backlogs.queues
    for event in events:
        backlog = queues.get(event.queue) if isinstance(event, TaskScheduled) else None
        if backlog is None or not isinstance(event, TaskScheduled) or not backlog.holds:
            yield event
        else:
            yield _held(state.backlogs, backlog, event)


def _held(backlogs: Backlogs, backlog: Backlog, task: TaskScheduled) -> TaskHeld:
    timeout, due_at, close_by = "", 0, 0
    if task.rules is not None:
        close_by = task.rules.close_by
        if task.rules.schedule_to_start_ms:
            timeout, due_at = SCHEDULE_TO_START, task.at + task.rules.schedule_to_start_ms
        if close_by and (not due_at or close_by <= due_at):
            timeout, due_at = SCHEDULE_TO_CLOSE, close_by
    return TaskHeld(
        workflow_id=task.workflow_id,
        run_id=task.run_id,
        step=task.step,
        attempt=task.attempt,
        node=task.node,
        index=task.index,
        task=task.task,
        queue=task.queue,
        priority=task.priority,
        retry=task.retry,
        losses=task.losses,
        timeout=timeout,
        due_at=due_at,
        close_by=close_by,
        place=backlogs.place_in(backlog, task.workflow_id),
        number=backlogs.number + 1,
        reason=_reason(backlog),
        at=task.at,
    )


def _reason(backlog: Backlog) -> str:
    if backlog.full:
        return f"queue {backlog.queue} is full: {backlog.waiting} tasks wait there, of at most {backlog.backlog}"
    return f"at most {backlog.backlog} tasks may wait in queue {backlog.queue}; room for more is asked for"
