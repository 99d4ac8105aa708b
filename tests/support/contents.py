"""What a shard's state holds as far as a replay must give it back: for comparing live states with replayed ones."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec

from headrace.engine.state import ShardState as DecisionState
from headrace_execution.dispatcher.state import DispatcherState
from headrace_resources.state import ShardState as ResourceState

_NOT_FOLDED = frozenset({"live", "ledger", "queues", "timers", "changed"})
"""What no journal holds, what checkpoints have yet to write, and indexes."""


def contents(state: Any) -> dict[str, Any]:
    """Return the folded part of a state, field by field."""
    match state:
        case DispatcherState():
            fields = _fields(state)
            fields["waiting"] = {
                (queue, *key): (shape.served, shape.unserved)
                for queue, shapes in state.queues.shapes.items()
                for key, shape in shapes.items()
            }
            return fields
        case ResourceState():
            return {
                field.name: getattr(state, field.name)
                for field in dataclasses.fields(state)
                if field.name not in _NOT_FOLDED
            }
        case DecisionState():
            return _fields(state)
    raise TypeError(f"Expected the state of a shard, but found a {type(state).__name__}")


def open_contents(state: Any) -> dict[str, Any]:
    """Return what of a state should be empty once everything has ended."""
    match state:
        case DispatcherState():
            names = ("open", "runs", "assignments", "finished", "quarantine", "workers", "clocks")
            permits = {key: limit.holders for key, limit in state.limits.items() if limit.holders}
            return {**{name: getattr(state, name) for name in names}, "permits": permits}
        case ResourceState():
            return {name: getattr(state, name) for name in ("runs", "unsettled", "undeclared", "ending")}
        case DecisionState():
            return {
                "runs": list(state.runs),
                "pending": list(state.pending),
                "telling": state.telling,
                "schedules": list(state.schedules.values()),
            }
    raise TypeError(f"Expected the state of a shard, but found a {type(state).__name__}")


def _fields(state: msgspec.Struct) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(state).items() if name not in _NOT_FOLDED}
