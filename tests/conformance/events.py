"""Holds events against what is expected of them. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from headrace.contracts.message import Message
from headrace.contracts.task_events import TaskScheduled
from headrace.contracts.task_rules import TaskRules
from tests.conformance.folders import Expected


def differences(events: Sequence[Message], expected: Expected) -> list[str]:
    """Return what is not as expected, in sentences; nothing where all is."""
    return [
        *_sequence(events, expected),
        *_counts(events, expected),
        *_order(events, expected),
        *(f"Expected no {_kind(event)}, but found {event}" for event in events if _kind(event) in expected.never),
    ]


def value_of(event: Any, path: str) -> Any:
    """Return a field of an event as plain data; the README says where it is looked for.

    Raises:
        KeyError: there is none of that name.
    """
    first, _, rest = path.partition(".")
    within = (event, getattr(event, "task", None), _rules(event), _rules(getattr(event, "task", None)))
    holders = [each for each in within if isinstance(each, msgspec.Struct) and hasattr(each, first)]
    if not holders:
        raise KeyError(f"Expected a field {path} in {type(event).__name__}, but it has none")
    found = getattr(holders[0], first)
    for part in rest.split(".") if rest else ():
        found = found[part] if isinstance(found, Mapping) else getattr(found, part)
    return _plain(found)


def _rules(task: Any) -> TaskRules | None:
    """Return what a task says; the defaults where it says nothing."""
    return (task.rules or TaskRules()) if isinstance(task, TaskScheduled) else None


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        try:
            return json.loads(value) if value else None
        except ValueError:
            return value.decode(errors="replace")
    return msgspec.to_builtins(value)


def _sequence(events: Sequence[Message], expected: Expected) -> Iterable[str]:
    """Compare the whole sequence of the kinds that are named, and show both where they part."""
    if not expected.events:
        return
    wanted = [_named(entry) for entry in expected.events]
    kinds = {kind for kind, _ in wanted}
    found = [event for event in events if _kind(event) in kinds]
    for number, (kind, fields) in enumerate(wanted):
        if number >= len(found):
            yield f"Expected event {number + 1} to be {_shown(kind, fields)}, but there are only {len(found)}"
            return
        seen = {name: value_of(found[number], name) for name in fields} if _kind(found[number]) == kind else {}
        if _kind(found[number]) != kind or seen != fields:
            shown = "\n".join(f"    {_shown(_kind(event), _told(event, wanted))}" for event in found)
            yield f"Expected event {number + 1} to be {_shown(kind, fields)}, but the events are\n{shown}"
            return
    if len(found) > len(wanted):
        more = [_shown(_kind(event), _told(event, wanted)) for event in found[len(wanted) :]]
        yield f"Expected no event after number {len(wanted)}, but found {more[:5]}"


def _counts(events: Sequence[Message], expected: Expected) -> Iterable[str]:
    for entry in expected.counts:
        for kind, counted in entry.items():
            found = Counter(value_of(event, counted.by) for event in events if _kind(event) == kind)
            if dict(found) != counted.are:
                yield f"Expected {kind} by {counted.by} to be {counted.are}, but they are {dict(found)}"


def _order(events: Sequence[Message], expected: Expected) -> Iterable[str]:
    for entry in expected.order:
        for kind, ordered in entry.items():
            found = [value_of(event, ordered.field) for event in events if _kind(event) == kind]
            match ordered.is_:
                case "ascending":
                    wanted = sorted(found)
                case "descending":
                    wanted = sorted(found, reverse=True)
                case _:
                    wanted = ordered.is_
            if found != wanted or not found:
                yield f"Expected {ordered.field} of {kind} to be {ordered.is_}, but it is {found[:200]}"


def _named(entry: str | dict[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    if isinstance(entry, str):
        return entry, {}
    ((kind, fields),) = entry.items()
    return kind, fields


def _told(event: Message, wanted: Iterable[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """Return of an event the fields that are named for its kind somewhere."""
    names = dict.fromkeys(name for kind, fields in wanted if kind == _kind(event) for name in fields)
    return {name: value_of(event, name) for name in names}


def _shown(kind: str, fields: dict[str, Any]) -> str:
    return f"{kind} {fields}" if fields else kind


def _kind(event: Message) -> str:
    return type(event).__name__
