"""The history: one row per event, with its fields as JSON. Payloads longer than a limit are cut, and say so."""

from __future__ import annotations

from functools import cache
from typing import Any, get_type_hints

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
_NOT_IN_DETAIL = frozenset({"workflow_id", "run_id", "step", "attempt", "at", "trace", "holder"})
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
    """Return the history row of an event; None for one that is not kept. `at` is the record's time, for events without
    one.
    """
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
    """Return the fields of an event as a JSON object: payloads as JSON where they are, fields at their default left
    out.
    """
    fields: dict[str, Any] = {}
    for name, default, is_payload in _plan(type(event)):
        value = getattr(event, name)
        if value is None or value == default:
            continue
        if is_payload:
            content_type = getattr(event, "content_type", "application/json")
            value = shortened(value, DETAIL_PAYLOAD_LIMIT_BYTES, content_type)
        fields[name] = value
    if isinstance(event, TaskAssigned | TaskQueued):
        fields |= {name: getattr(event.task, name) for name in _TASK_FIELDS}
    elif hasattr(event, "holder"):
        fields |= {"node": event.holder.node, "index": event.holder.index}
    text = _encode(fields).decode()
    return without_nul_escapes(text) if "\\u0000" in text else text


@cache
def _plan(kind: type[Message]) -> tuple[tuple[str, Any, bool], ...]:
    """Return name, default and whether it is a payload, of every field that stands in the detail."""
    left_out = _NOT_IN_DETAIL | ({"task"} if kind in (TaskAssigned, TaskQueued) else set())
    hints = get_type_hints(kind)
    found = []
    for field in msgspec.structs.fields(kind):
        if field.name not in left_out:
            is_payload = hints[field.name] is bytes
            empty: Any = b"" if is_payload else ""
            found.append((field.name, empty if field.default is msgspec.NODEFAULT else field.default, is_payload))
    return tuple(found)
