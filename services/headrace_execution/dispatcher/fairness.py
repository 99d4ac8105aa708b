"""Whose turn it is within one priority of a queue: start-time fair queueing between fairness keys.

Each key has a *tag*, a virtual time. The key with the lowest tag is next; what it gets moves its tag on by the slots
taken, divided by the weight: a key of twice the weight moves half as far, so its turn comes twice as often. A key that
has nothing waiting saves nothing up: it begins at the clock's time, which is the tag of who was served last.

Tasks that require labels have a turn of their own per key and labels: they wait for other workers, and what a key gets
of those must not cost it its share of these.
"""

from __future__ import annotations

import msgspec

from headrace_execution.dispatcher.rules import Labels

ClockKey = tuple[str, int]
"""Queue and priority."""
TurnKey = tuple[Labels, str]
"""Required labels and fairness key."""


class Turn(msgspec.Struct):
    """The tag of a fairness key, and how many of its attempts wait."""

    tag: float
    waiting: int = 0


class Clock(msgspec.Struct, kw_only=True):
    """The virtual time of one priority of a queue. Who has nothing waiting and is not ahead of it is forgotten."""

    now: float = 0.0
    waiting: int = 0
    """Attempts that wait, of all keys."""
    turns: dict[TurnKey, Turn] = {}

    def arrive(self, key: TurnKey) -> Turn:
        """Count one more attempt that waits."""
        turn = self.turns.get(key)
        if turn is None:
            turn = self.turns[key] = Turn(self.now)
        elif not turn.waiting:
            turn.tag = max(turn.tag, self.now)
        turn.waiting += 1
        self.waiting += 1
        return turn

    def leave(self, key: TurnKey) -> bool:
        """Count one less; tell whether the turn must be looked at again once the clock has reached its tag."""
        turn = self.turns[key]
        turn.waiting -= 1
        self.waiting -= 1
        if turn.waiting:
            return False
        if turn.tag <= self.now:
            del self.turns[key]
            return False
        return True

    def start_of(self, key: TurnKey) -> float:
        """Return the tag that the next attempt of a key would start at."""
        turn = self.turns.get(key)
        return self.now if turn is None else max(turn.tag, self.now)

    def charge(self, key: TurnKey, cost: float) -> Turn:
        """Move the clock to where an attempt starts, and its key on by what it gets."""
        turn = self.turns.get(key)
        if turn is None:
            turn = self.turns[key] = Turn(self.now)
        self.now = max(turn.tag, self.now)
        turn.tag = self.now + cost
        return turn

    def forget(self, key: TurnKey) -> bool:
        """Forget a turn that the clock has reached, if nothing waits for it."""
        turn = self.turns.get(key)
        if turn is None or turn.waiting or turn.tag > self.now:
            return False
        del self.turns[key]
        return True
