"""Events of steps that another workflow or the outside ends: callbacks, workflows waited for, signals that were sent;
and of steps that a retry took over.
"""

from __future__ import annotations

from datetime import UTC, datetime

from headrace.contracts.control_events import StepReused
from headrace.contracts.wait_events import (
    AttachRequested,
    CallbackHeartbeat,
    CallbackOpened,
    CommandRefused,
    SignalRequested,
    StepCancelled,
    StepEnded,
)
from headrace_status.fold.changes import RUNNING, Changes, CloseTasks, Origin, Put, final, task_key
from headrace_status.fold.payload import json_text
from headrace_status.fold.task_rows import NO_ATTEMPT, ONLY_ATTEMPT
from headrace_status.fold.workflow_rows import refusal

# Of a signal that a run got there is no row of its own: the history has it.
RECEIVED = "received"


def attach_requested(event: AttachRequested, _origin: Origin) -> Changes:
    """The node waits for the end of another workflow."""
    values = {**_opened(event, "attach"), "target": event.target, "reason": f"waits for the end of {event.target}"}
    yield Put("tasks", task_key(event, ONLY_ATTEMPT), values)


def signal_requested(event: SignalRequested, _origin: Origin) -> Changes:
    """The node sends a signal to another workflow, whose shard has not answered yet."""
    values = {
        **_opened(event, "signal"),
        "task": event.name,
        "target": event.target,
        "input": json_text(event.data, event.content_type),
        "input_bytes": len(event.data),
        "reason": f"{event.target} has not taken the signal yet",
    }
    yield Put("tasks", task_key(event, ONLY_ATTEMPT), values)


def callback_opened(event: CallbackOpened, _origin: Origin) -> Changes:
    """The node waits for somebody who has its token."""
    values = {**_opened(event, "callback"), "retry_at": event.due_at, "reason": "waits for the completion of its token"}
    yield Put("tasks", task_key(event, ONLY_ATTEMPT), values)


def callback_heartbeat(event: CallbackHeartbeat, _origin: Origin) -> Changes:
    """Whoever has the token is alive."""
    at = datetime.fromtimestamp(event.at / 1000, UTC).isoformat(timespec="seconds")
    reason = f"waits for the completion of its token; last sign of life at {at}"
    yield Put("tasks", task_key(event, ONLY_ATTEMPT), {"reason": reason})


def step_ended(event: StepEnded, _origin: Origin) -> Changes:
    """The wait is over."""
    values = {
        "node": event.node,
        "index": event.index,
        "kind": event.kind,
        "decided": final(event.status),
        "reason": "",
        "retry_at": 0,
        "ended_at": event.at,
        "output": json_text(event.output, event.content_type),
        "output_bytes": len(event.output),
        "error": event.error,
        "cause": event.cause,
    }
    yield Put("tasks", task_key(event, ONLY_ATTEMPT), values)


def step_cancelled(event: StepCancelled, _origin: Origin) -> Changes:
    """The wait was given up."""
    yield CloseTasks(event.workflow_id, event.run_id, event.step, event.reason, event.at)


def step_reused(event: StepReused, _origin: Origin) -> Changes:
    """A retry took the result of the run before it."""
    if event.kind == RECEIVED:
        return
    values = {
        "node": event.node,
        "index": event.index,
        "task": event.task,
        "kind": event.kind,
        "decided": final(event.status),
        "reason": f"taken over from run {event.from_run}",
        "ended_at": event.at,
        "output": json_text(event.output, event.content_type),
        "output_bytes": len(event.output),
        "reused_from": event.from_run,
    }
    yield Put("tasks", task_key(event, NO_ATTEMPT), values)


def command_refused(event: CommandRefused, origin: Origin) -> Changes:
    """A command changed nothing."""
    existing = event.error != "headrace.NotFound"
    values = (event.workflow_id, event.command_id, "", event.error, event.cause, existing, event.at, event.command)
    yield refusal(origin, values)


def _opened(event: AttachRequested | SignalRequested | CallbackOpened, kind: str) -> dict[str, object]:
    return {
        "node": event.node,
        "index": event.index,
        "kind": kind,
        "decided": RUNNING,
        "scheduled_at": event.at,
        "started_at": event.at,
    }
