"""The history: one row per event, with its fields as JSON. Payloads longer than a limit are cut, and say so."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from headrace.contracts.dispatch_events import (
    AssignmentsEnded,
    TaskAssigned,
    TaskQueued,
)
from headrace.contracts.message import Message
from headrace_status.fold.changes import SOURCES, Append, Origin, owner
from headrace_status.fold.payload import shortened, without_nul_escapes

# The detail of an event is for people who look for what happened; the whole payload stands in the task's row.
DETAIL_PAYLOAD_LIMIT_BYTES = 4096
# Not in the history, with the reason.
OMITTED: dict[str, str] = {
    AssignmentsEnded.__name__: "frees slots of the dispatcher; the workflow's own events say how its tasks ended",
    "InputMarked": "bookkeeping of the shard runtime",
    "ActivationYielded": "where a long decision was cut into records means nothing to its workflow",
    "ActivationResumed": "where a long decision was cut into records means nothing to its workflow",
}
# The columns of a history row, or what the row of the task tells better.
_NOT_IN_DETAIL = frozenset({"workflow_id", "run_id", "at", "trace", "holder"})
_TASK_FIELDS = (
    "step",
    "attempt",
    "node",
    "index",
    "task",
    "queue",
    "priority",
    "losses",
)
_encode = msgspec.json.Encoder(enc_hook=str).encode


def history_row(event: Message, origin: Origin, at: int) -> Append | None:
    """Return the history row of an event; None for one that is not kept. `at` is the record's time, for events without one."""
    kind = type(event).__name__
    if kind in OMITTED:
        return None
    who: Any = owner(event)
    row = (
        getattr(who, "workflow_id", ""),
        getattr(event, "at", at),
        SOURCES[origin.topic],
        origin.partition,
        origin.offset,
        origin.seq,
        getattr(who, "run_id", ""),
        getattr(who, "step", -1),
        getattr(who, "attempt", 0),
        kind,
        detail(event),
    )
    return Append("history", row)


def detail(event: Message) -> str:
    """Return the fields of an event as a JSON object: payloads as JSON where they are, empty fields left out."""
    fields: dict[str, Any] = {}
    content_type = getattr(event, "content_type", "application/json")
    for name in _fields(type(event)):
        value = getattr(event, name)
        if value is None or value == "" or value == b"":
            continue
        fields[name] = shortened(value, DETAIL_PAYLOAD_LIMIT_BYTES, content_type) if isinstance(value, bytes) else value
    if isinstance(event, TaskAssigned | TaskQueued):
        fields |= {name: getattr(event.task, name) for name in _TASK_FIELDS}
    elif hasattr(event, "holder"):
        fields |= {"node": event.holder.node, "index": event.holder.index}
    text = _encode(fields).decode()
    return without_nul_escapes(text) if "\\u0000" in text else text


@cache
def _fields(kind: type[Message]) -> tuple[str, ...]:
    left_out = _NOT_IN_DETAIL | ({"task"} if kind in (TaskAssigned, TaskQueued) else set())
    return tuple(name for name in kind.__struct_fields__ if name not in left_out)
