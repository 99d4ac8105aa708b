"""The history: one row per event, with its fields as JSON. Payloads longer than a limit are cut, and say so."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple, get_type_hints

import msgspec

from headrace.contracts.dispatch_events import (
    AssignmentsEnded,
    TaskAssigned,
    TaskQueued,
)
from headrace.contracts.message import Message
from headrace.contracts.schedule_events import ScheduleSet, ScheduleSpec
from headrace_status.fold.changes import SOURCES, Append, Origin
from headrace_status.fold.payload import shortened, without_nul_escapes

# The detail of an event is for people who look for what happened; the whole output of a task stands in its row.
DETAIL_PAYLOAD_LIMIT_BYTES = 4096
# What a replay of the workflow needs, and no other row holds.
WHOLE = frozenset(
    {
        "WorkflowStarted",
        "WorkflowContinued",
        "ChildEnded",
        "SignalReceived",
        "StepEnded",
        "StepReused",
        "ValueRecorded",
    }
)
# Before a schedule's id: its events are not those of a workflow. No workflow's id has a slash.
SCHEDULE = "schedule/"
# Not in the history, with the reason.
OMITTED: dict[str, str] = {
    AssignmentsEnded.__name__: "frees slots of the dispatcher; the workflow's own events say how its tasks ended",
    "WorkerMeasured": "figures of a moment; the worker's row has the last ones",
    "AttemptsNoted": "what an attempt keeps is for its next run, not for people",
    "StepAnswered": "the workflow's own StepEnded says the same",
    "CallbackHeartbeat": "a sign of life; the row of the callback has the last one",
    "InputMarked": "bookkeeping of the shard runtime",
    "ActivationYielded": "where a long decision was cut into records means nothing to its workflow",
    "ActivationResumed": "where a long decision was cut into records means nothing to its workflow",
    "RebuildBegun": "when its coroutine was rebuilt means nothing to its workflow",
    "RebuildEnded": "when its coroutine was rebuilt means nothing to its workflow",
}
# The columns of a history row, or what the row of the task tells better.
_NOT_IN_DETAIL = frozenset({"workflow_id", "run_id", "step", "attempt", "at", "trace", "holder", "noted", "digest"})
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
_JSON = "application/json"
# The default of what always stands in the detail.
_NEVER = object()
_encode = msgspec.json.Encoder(enc_hook=str).encode


def history_row(event: Message, origin: Origin, at: int) -> Append | None:
    """Return the history row of an event; None for one that is not kept. `at` is the record's time, for events without
    one.
    """
    kind = type(event)
    plan = _plan(kind)
    if plan is None:
        return None
    workflow_id, run_id, step, attempt = plan.who(event)
    row = (
        workflow_id,
        event.at if plan.timed else at,  # type: ignore[attr-defined]
        SOURCES[origin.topic],
        origin.partition,
        origin.offset,
        origin.seq,
        run_id,
        step,
        attempt,
        plan.name,
        _detail(event, plan),
    )
    return Append("history", row)


def detail(event: Message) -> str:
    """Return the fields of an event as a JSON object: payloads as JSON where they are, fields at their default left
    out.
    """
    plan = _plan(type(event))
    assert plan is not None, f"{type(event).__name__} is not in the history"
    return _detail(event, plan)


class _Plan(NamedTuple):
    """How an event of one type becomes a history row, worked out once."""

    name: str
    timed: bool
    who: Callable[[Message], tuple[str, str, int, int]]
    make: Callable[..., msgspec.Struct]
    """Makes what is encoded: a struct that leaves out defaults, of the payloads and then the plain fields."""
    payloads: tuple[str, ...]
    limit: int
    """Longer payloads are cut to so many bytes."""
    plain: Callable[[Message], tuple[Any, ...]]


def _detail(event: Message, plan: _Plan) -> str:
    if plan.payloads:
        content_type = getattr(event, "content_type", _JSON)
        payloads = [shortened(getattr(event, name), plan.limit, content_type) for name in plan.payloads]
        made = plan.make(_JSON if content_type == _JSON else content_type, *payloads, *plan.plain(event))
    else:
        made = plan.make(*plan.plain(event))
    text = _encode(made).decode()
    return without_nul_escapes(text) if "\\u0000" in text else text


@cache
def _plan(kind: type[Message]) -> _Plan | None:
    name = kind.__name__
    if name in OMITTED:
        return None
    own: frozenset[str] | set[str] = _NOT_IN_DETAIL
    if "schedule_id" in kind.__struct_fields__:
        own = own - {"workflow_id"} | {"schedule_id"}
    within: tuple[str, ...] = ()
    if kind is ScheduleSet:
        # Its input stands in the schedule's row, readable.
        spec = [name for name in ScheduleSpec.__struct_fields__ if name not in ("input", "content_type")]
        own, within = own | {"spec"}, tuple(f"spec.{name}" for name in spec)
    elif kind in (TaskAssigned, TaskQueued):
        own, within = own | {"task"}, tuple(f"task.{field}" for field in _TASK_FIELDS)
    elif "holder" in kind.__struct_fields__:
        within = ("holder.node", "holder.index")
    hints = get_type_hints(kind)
    payloads: list[tuple[str, Any, Any]] = []
    plain: list[tuple[str, Any, Any]] = []
    for field in msgspec.structs.fields(kind):
        if field.name in own or field.name == "content_type":
            continue
        if hints[field.name] is bytes:
            payloads.append((field.name, Any, None))
        elif field.default_factory is not msgspec.NODEFAULT or (isinstance(field.default, str) and field.default):
            plain.append((field.name, Any, _NEVER))
        else:
            plain.append((field.name, Any, "" if field.default is msgspec.NODEFAULT else field.default))
            _check_default(kind, *plain[-1])
    always: list[tuple[str, Any, Any]] = [(path.rpartition(".")[2], Any, _NEVER) for path in within]
    first = [("content_type", Any, _JSON)] if payloads else []
    fields = [*first, *payloads, *plain, *always]
    make = msgspec.defstruct(f"{name}Detail", fields, omit_defaults=True, gc=False)
    return _Plan(
        name=name,
        timed="at" in kind.__struct_fields__,
        who=_who(kind),
        make=make,
        payloads=tuple(field for field, *_ in payloads),
        limit=sys.maxsize if name in WHOLE else DETAIL_PAYLOAD_LIMIT_BYTES,
        plain=_getter([*(field for field, *_ in plain), *within]),
    )


def _check_default(kind: type[Message], name: str, _type: Any, default: Any) -> None:
    """A default is left out by identity, which equality implies for what the interpreter has only once."""
    once = default in ("", None, True, False) or (isinstance(default, int) and -5 <= default <= 256)
    assert once, f"Expected {kind.__name__}.{name} to have a default that exists once, but it is {default!r}"


def _who(kind: type[Message]) -> Callable[[Message], tuple[str, str, int, int]]:
    """Return the function that gives workflow id, run id, step and attempt of an event, as far as it names them."""
    fields = kind.__struct_fields__
    if "schedule_id" in fields:
        return lambda event: (f"{SCHEDULE}{event.schedule_id}", "", -1, 0)  # type: ignore[attr-defined]
    prefix = "task." if kind in (TaskAssigned, TaskQueued) else "holder." if "holder" in fields else ""
    named = get_type_hints(kind)[prefix[:-1]].__struct_fields__ if prefix else fields
    unknown = {"workflow_id": "", "run_id": "", "step": -1, "attempt": 0}
    if named and all(name in named for name in unknown):
        return _getter([prefix + name for name in unknown])

    def some(event: Message) -> tuple[str, str, int, int]:
        who = getattr(event, prefix[:-1]) if prefix else event
        return tuple(getattr(who, name, default) for name, default in unknown.items())  # type: ignore[return-value]

    return some


def _getter(paths: list[str]) -> Callable[[Message], tuple[Any, ...]]:
    if len(paths) > 1:
        return attrgetter(*paths)
    if not paths:
        return lambda _event: ()
    (path,) = paths
    return lambda event: (attrgetter(path)(event),)
