"""Attempts, and the two lower levels of what waits: lanes of attempts, and flows of lanes. See `queues.py`."""

from __future__ import annotations

import msgspec

from headrace.contracts.task_events import TaskScheduled
from headrace_execution.dispatcher.fairness import Turn
from headrace_execution.dispatcher.rules import NO_CANARY, FlowKey, LimitKey

Key = tuple[str, int, int]
"""An attempt: run id, step, attempt."""
Order = tuple[int, float, int]
"""What decides who is first: priority (negative), tag of its fairness key, arrival."""
Gates = tuple[LimitKey, ...]


class Attempt(msgspec.Struct, kw_only=True):
    """An open attempt. `assignment` is 0 while it waits; `arrival` keeps its place in the queue over requeues.

    One that must run `alone` waits in no heap: it must not stand in the way of others.
    """

    key: Key
    task: TaskScheduled
    shard: int
    arrival: int
    losses: int
    unserved: bool = False
    alone: bool = False
    assignment: int = 0
    since: int = 0
    """When it began to wait for a worker, in ms since the epoch."""
    side: int = NO_CANARY
    """Its side of a canary while it waits; follows from its run and step."""


class Lane:
    """What waits for the permits of the same limits. `parked` is the limit whose heap it stands in."""

    __slots__ = ("count", "gates", "heap", "parked")

    def __init__(self, gates: Gates) -> None:
        self.gates = gates
        self.count = 0
        self.heap: list[tuple[int, Key]] = []
        self.parked: LimitKey | None = None


class Flow:
    """The lanes of a fairness key, within a priority."""

    __slots__ = ("heap", "key", "lanes", "turn")

    def __init__(self, key: FlowKey, turn: Turn) -> None:
        self.key = key
        self.turn = turn
        self.lanes: dict[Gates, Lane] = {}
        self.heap: list[tuple[int, Gates]] = []

    def order(self, arrival: int) -> Order:
        """Return the place of an attempt of this flow."""
        return (-self.key[0], self.turn.tag, arrival)
