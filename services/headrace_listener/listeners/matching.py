"""From a record of a public topic to the event that a listener's function gets, if it wants it: pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from headrace.authoring.event import Event
from headrace.authoring.listeners import ListenerDefinition
from headrace.contracts.codec import Codec
from headrace.contracts.dispatch_events import TaskAssigned
from headrace.contracts.headers import Headers
from headrace.contracts.message import Message
from headrace.contracts.schedule_events import ScheduleSet
from headrace.contracts.wire import to_wire
from headrace.engine.expressions import Expression
from headrace.payloads.encryption import Unreadable
from headrace.payloads.sealing import Sealing
from headrace.shard.ports import Record

_PAYLOADS = ("input", "output", "previous")
_TYPE_PREFIX = "headrace."


class PublicEvent:
    """One record of a public topic. Its type is known from the headers; the rest is decoded when it is asked for."""

    def __init__(self, record: Record, codec: Codec, sealing: Sealing | None = None) -> None:
        self.record = record
        self.type = _header(record.headers, "ce_type").removeprefix(_TYPE_PREFIX)
        self.id = _header(record.headers, "ce_id") or f"{record.topic}/{record.partition}/{record.offset}"
        self._codec = codec
        self._sealing = sealing or Sealing()
        self._data: dict[str, Any] | None = None

    @property
    def data(self) -> dict[str, Any]:
        """Return the event's fields, payloads still as bytes.

        Raises:
            DecodeError: it is no event that this code knows.
        """
        if self._data is None:
            self._data = _fields(self._readable(self._codec.decode(self.record.value)))
        return self._data

    def _readable(self, message: Message) -> Message:
        """Return an event with its user data opened; as it is where this process has no key for it."""
        try:
            return self._sealing.opened(message)
        except Unreadable:
            return message

    def event(self) -> Event:
        """Return what the function gets. Raises `DecodeError`."""
        data = {**self.data, **{name: _payload(self.data, name) for name in _PAYLOADS if name in self.data}}
        key = self.record.key.decode("utf-8", "replace")
        return Event(type=self.type, id=self.id, at=int(data.get("at", self.record.at)), key=key, data=data)

    def bindings(self, expression: Expression) -> dict[str, Any]:
        """Return what `$event` is to an expression: payloads are decoded only for one that may look at them.

        Raises:
            DecodeError: it is no event that this code knows.
        """
        fields = expression.analysis.paths.get("event", frozenset())
        known: dict[str, Any] = {"type": self.type, "id": self.id, "key": self.record.key.decode("utf-8", "replace")}
        for name, value in self.data.items():
            if name not in _PAYLOADS:
                known[name] = value
            elif fields & {name, "data", ""}:
                payload = _payload(self.data, name)
                known[name] = None if isinstance(payload, bytes) else payload
        known["data"] = {name: value for name, value in known.items() if name not in ("type", "id", "key")}
        return {"event": known}


def wants(definition: ListenerDefinition, public: PublicEvent) -> bool:
    """Tell whether a listener wants an event: its type is one of those asked for, and `where` gives true.

    Raises:
        DecodeError: it is no event that this code knows.
        ExpressionError, BudgetExceeded: `where` fails on it.
    """
    if definition.events and public.type not in definition.events:
        return False
    if definition.where is None:
        return True
    bindings = public.bindings(definition.where)
    return bool(definition.where.evaluate_or(None, bindings, now_ms=public.record.at, seed=public.id))


def _fields(message: Message) -> dict[str, Any]:
    fields = to_wire(message)
    if isinstance(message, TaskAssigned):
        # Listeners ask every event of a task for `queue` and `node`; here these stand one level deeper on the wire.
        task = fields.pop("task")
        del task["input"]
        return {**task, "scheduled_at": task["at"], **fields}
    if isinstance(message, ScheduleSet):
        # Its input is a payload like any other.
        return {**fields.pop("spec"), **fields}
    return fields


def _payload(data: Mapping[str, Any], name: str) -> Any:
    value = data[name]
    if not isinstance(value, bytes):
        return value
    if not value:
        return None
    if not data.get("content_type", "application/json").startswith("application/json"):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _header(headers: Headers, name: str) -> str:
    for known, value in headers:
        if known == name:
            return value.decode("utf-8", "replace")
    return ""
