"""From what a program asks to the event that records it."""

from __future__ import annotations

from typing import Any, assert_never

import msgspec

from headrace.contracts.child_events import ChildCancelRequested, ChildRequested
from headrace.contracts.lease_events import LeaseRequested
from headrace.contracts.message import Message
from headrace.contracts.task_events import NodeEnded, TaskCancelled, TaskRefused, TaskScheduled, TaskSkipped
from headrace.contracts.task_rules import TaskRules
from headrace.contracts.timer_events import TimerCancelled, TimerStarted
from headrace.contracts.wait_events import StepCancelled
from headrace.engine.context import Context
from headrace.engine.decide.notes import note_bytes, note_event
from headrace.engine.decide.wait_requests import give_up_event, wait_event
from headrace.engine.identity import child_id
from headrace.engine.kernel.requests import (
    TERMINATE,
    Attach,
    BeginLoop,
    CancelStep,
    ChooseVersion,
    Continue,
    EndNode,
    OpenCallback,
    Publish,
    RecordValue,
    Refuse,
    Request,
    RunTask,
    SendSignal,
    SetSearchAttributes,
    Skip,
    Sleep,
    StartChild,
)
from headrace.engine.run import ATTACH, CALLBACK, CHILD, SENDING, TASK, TIMER, OpenStep, Run

EVENT_OVERHEAD_BYTES = 256
"""What an event takes beside its payload: ids, names and numbers, generously."""


def event_of(context: Context, run: Run, step: int, request: Request, now_ms: int) -> Message:
    """Return the event that records a request."""
    ids: dict[str, Any] = {"workflow_id": run.workflow_id, "run_id": run.run_id, "step": step}
    place: dict[str, Any] = {"node": request.node, "index": request.index}
    match request:
        case RunTask():
            return attempt_event(run, step, request, attempt=1, losses=0, now_ms=now_ms)
        case Sleep():
            return TimerStarted(**ids, **place, due_at=now_ms + request.duration_ms, at=now_ms)
        case StartChild():
            return _child_requested(context, run, step, request, now_ms)
        case Attach() | SendSignal() | OpenCallback():
            return wait_event(context, run, step, request, now_ms)
        case Skip():
            return TaskSkipped(**ids, **place, status=request.status, reason=context.cut(request.reason), at=now_ms)
        case Refuse():
            return TaskRefused(**ids, **place, error=request.error, cause=context.cut(request.cause), at=now_ms)
        case EndNode():
            cause = context.cut(request.cause)
            return NodeEnded(**ids, **place, status=request.status, error=request.error, cause=cause, at=now_ms)
        case RecordValue() | ChooseVersion() | SetSearchAttributes() | Publish() | BeginLoop():
            return note_event(context, run, step, request, now_ms)
        case CancelStep():
            return cancel_event(run, request.step, request.reason, now_ms)
        case _:
            assert_never(request)  # type: ignore[arg-type]


def attempt_event(
    run: Run, step: int, request: RunTask, *, attempt: int, losses: int, now_ms: int, token: int = 0
) -> LeaseRequested | TaskScheduled:
    """Return what an attempt begins with: its request for a lease where it needs one and has none, else its
    schedule.
    """
    if request.resource and not token:
        return LeaseRequested(
            workflow_id=run.workflow_id,
            run_id=run.run_id,
            step=step,
            attempt=attempt,
            node=request.node,
            index=request.index,
            task=request.task,
            resource=request.resource,
            units=request.units,
            capacity=request.capacity,
            priority=request.priority,
            at=now_ms,
            trace=run.trace,
        )
    return TaskScheduled(
        workflow_id=run.workflow_id,
        run_id=run.run_id,
        step=step,
        attempt=attempt,
        node=request.node,
        index=request.index,
        task=request.task,
        queue=request.queue,
        priority=request.priority,
        input=request.input,
        content_type=request.content_type,
        timeout_ms=request.timeout_ms,
        heartbeat_ms=request.heartbeat_ms,
        retry=request.retry,
        resource=request.resource,
        units=request.units,
        fencing_token=token,
        losses=losses,
        at=now_ms,
        trace=run.trace,
        rules=_rules(run, step, request.rules, now_ms) if request.rules is not None else None,
    )


def cancel_event(
    run: Run, step: int, reason: str, now_ms: int
) -> TaskCancelled | TimerCancelled | ChildCancelRequested | StepCancelled:
    """Return the event that gives an open step up."""
    ids: dict[str, Any] = {"workflow_id": run.workflow_id, "run_id": run.run_id, "step": step}
    found = run.open.get(step) or OpenStep(kind=TASK, node="")
    match found.kind:
        case k if k == TIMER:
            return TimerCancelled(**ids, at=now_ms)
        case k if k == CHILD:
            return ChildCancelRequested(
                **ids,
                child_id=found.child_id,
                to_shard=found.to_shard,
                reason=reason,
                at=now_ms,
                terminate=found.parent_close == TERMINATE,
            )
        case k if k in (ATTACH, SENDING, CALLBACK):
            return give_up_event(run, step, found, reason, now_ms)
        case _:
            return TaskCancelled(
                **ids,
                node=found.node,
                index=found.index,
                task=found.task,
                queue=found.queue,
                reason=reason,
                # A request that has not been granted yet is taken back too: the resource manager looks for the step.
                fencing_token=found.fencing_token or (-1 if found.resource else 0),
                at=now_ms,
            )


def _rules(run: Run, step: int, rules: TaskRules, now_ms: int) -> TaskRules:
    """Return what the dispatcher is to heed: the time for all attempts ends when it ended for the first one."""
    if not rules.schedule_to_close_ms:
        return rules
    found = run.open.get(step)
    close_by = found.close_by if found is not None and found.close_by else now_ms + rules.schedule_to_close_ms
    return msgspec.structs.replace(rules, close_by=close_by)


def size_of(request: Request) -> int:
    """Return about how many bytes a request's event takes."""
    match request:
        case RunTask() | StartChild():
            payload = len(request.input)
        case Continue():
            payload = len(request.input) + len(request.state)
        case SendSignal():
            payload = len(request.data)
        case _:
            payload = note_bytes(request)
    return payload + EVENT_OVERHEAD_BYTES


def _child_requested(context: Context, run: Run, step: int, request: StartChild, now_ms: int) -> ChildRequested:
    target = request.child_id or child_id(run.workflow_id, run.run_id, run.attempt, step)
    return ChildRequested(
        workflow_id=run.workflow_id,
        run_id=run.run_id,
        step=step,
        node=request.node,
        index=request.index,
        child_id=target,
        to_shard=context.shards.of_workflow(target),
        name=request.name,
        version=request.version,
        input=request.input,
        content_type=request.content_type,
        depth=(run.parent.depth if run.parent else 0) + 1,
        at=now_ms,
        trace=run.trace,
        parent_close=request.parent_close,
        again=run.carried is not None and run.carried.had_child(target),
    )
