"""Recorded histories: what `headrace history ID --json --whole` prints, as the events that they were."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias, get_type_hints

import msgspec

from headrace.contracts.events import WORKFLOW_EVENTS
from headrace.contracts.message import Message

Row: TypeAlias = Mapping[str, Any] | Message
History: TypeAlias = str | Path | Sequence[Row]
"""A file, its rows, or events."""
_KINDS: Mapping[str, type[Message]] = {kind.type_name(): kind for kind in WORKFLOW_EVENTS}
# What a replay does not look into.
_NOT_NEEDED = frozenset({("TaskScheduled", "input"), ("ChildRequested", "input"), ("WorkflowSucceeded", "output")})
_JSON = "application/json"


class InvalidHistory(ValueError):
    """What should be a history is none, or is not whole; the text says what was expected and what to do."""


def rows_of(history: History) -> Sequence[Row]:
    """Return the rows of a history.

    Raises:
        InvalidHistory: the file holds something else.
    """
    if not isinstance(history, str | Path):
        return history
    try:
        rows = json.loads(Path(history).read_text(encoding="utf-8"))
    except ValueError as error:
        raise InvalidHistory(f"Expected JSON in {history}, as headrace history prints it, but {error}") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) and "type" in row for row in rows):
        raise InvalidHistory(
            f"Expected a list of events in {history}; write it with `headrace history ID --json --whole`"
        )
    return rows


def events_of(rows: Sequence[Row]) -> Iterator[Message]:
    """Yield the decision service's events among the rows of a history.

    Raises:
        InvalidHistory: an event is newer than this code, or its payload was cut.
    """
    for row in rows:
        if isinstance(row, Message):
            if isinstance(row, WORKFLOW_EVENTS):
                yield row
            continue
        if row.get("journal", "workflow.journal") != "workflow.journal":
            continue
        kind = _KINDS.get(row["type"])
        if kind is None:
            raise InvalidHistory(
                f"Expected events that this version knows, but found {row['type']}; replay with the headrace that "
                "recorded it, or a newer one"
            )
        yield _event(kind, row)


def _event(kind: type[Message], row: Mapping[str, Any]) -> Message:
    detail = row.get("detail") or {}
    found: dict[str, Any] = {}
    for name, type_, required in _fields(kind):
        value = detail.get(name, row.get(name))
        if name == "at" and isinstance(value, str):
            value = round(datetime.fromisoformat(value).timestamp() * 1000)
        if type_ is bytes:
            payload = None if value is None else _payload(kind, name, value, row)
            if payload is not None or required:
                found[name] = payload or b""
        elif value is not None:
            found[name] = msgspec.convert(value, type_, strict=False)
        elif required and type_ in (str, int):
            found[name] = "" if type_ is str else (-1 if name == "step" else 0)
    return kind(**found)


@cache
def _fields(kind: type[Message]) -> tuple[tuple[str, Any, bool], ...]:
    hints = get_type_hints(kind)
    return tuple((field.name, hints[field.name], field.required) for field in msgspec.structs.fields(kind))


def _payload(kind: type[Message], name: str, value: Any, row: Mapping[str, Any]) -> bytes:
    if isinstance(value, dict):
        if value.get("$truncated") is True:
            if (kind.type_name(), name) in _NOT_NEEDED:
                return b"null"
            raise InvalidHistory(
                f"Expected whole payloads, but {name} of {kind.type_name()} at step {row.get('step')} is cut; write "
                "the history with `headrace history ID --json --whole`"
            )
        if "$content_type" in value and "$base64" in value:
            return base64.b64decode(value["$base64"])
        if "$content_type" in value and "$text" in value:
            return str(value["$text"]).encode()
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
