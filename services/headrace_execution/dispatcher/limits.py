"""Limits of a queue, a task name or a concurrency key: tasks at once, and tasks per period.

*At once* is counted by who holds a permit: the assignments that take a slot. A permit goes where the slot goes, so
whatever way an assignment ends, it comes back; given back twice, it comes back once.

*Per period* is a token bucket: it holds as many tokens as tasks may begin in a period, is full at first, and fills
evenly. One token is `period_ms` units, and `per_period` units come in with each millisecond: whole numbers, so that a
replay comes to the same.
"""

from __future__ import annotations

import msgspec

from headrace_execution.dispatcher.rules import LimitKey

WAIT, REFUSE = "wait", "refuse"
"""What happens while a backlog is full: tasks of running workflows are held back, or starts are refused."""


class QueueLimit(msgspec.Struct, frozen=True, kw_only=True):
    """How many tasks of a queue may run at once, begin in a period, and wait; 0: no limit."""

    queue: str
    at_once: int = 0
    per_period: int = 0
    period_ms: int = 0
    backlog: int = 0
    when_full: str = WAIT


class Limit(msgspec.Struct, kw_only=True):
    """A limit, who holds its permits, and what is in its bucket (`level` units at the time `level_at`)."""

    key: LimitKey
    at_once: int = 0
    per_period: int = 0
    period_ms: int = 0
    holders: dict[int, None] = {}
    named: int = 0
    """Open attempts that name it; with none, and a full bucket, it is forgotten."""
    level: int = 0
    level_at: int = 0

    @property
    def full(self) -> int:
        """Return the units of a full bucket."""
        return self.per_period * self.period_ms

    def open(self, now_ms: int) -> bool:
        """Tell whether one more task may begin."""
        if self.at_once and len(self.holders) >= self.at_once:
            return False
        return not self.per_period or self.available(now_ms) >= self.period_ms

    def available(self, at: int) -> int:
        """Return the units in the bucket."""
        return min(self.full, self.level + self.per_period * max(at - self.level_at, 0))

    def next_token_at(self) -> int:
        """Return when the bucket holds one token, in ms since the epoch; 0 where there is no bucket."""
        return self._holds_at(self.period_ms) if self.per_period else 0

    def full_at(self) -> int:
        """Return when the bucket is full; 0 where there is none."""
        return self._holds_at(self.full) if self.per_period else 0

    def take(self, assignment: int, at: int) -> None:
        """Give a permit and a token to an assignment."""
        self.holders[assignment] = None
        if self.per_period:
            self.level = self.available(at) - self.period_ms
            self.level_at = max(at, self.level_at)

    def declare(self, at_once: int, per_period: int, period_ms: int, at: int) -> bool:
        """Take over what the newest task says; a bucket stays as full as it was. Tell whether that changed anything."""
        if (at_once, per_period, period_ms) == (self.at_once, self.per_period, self.period_ms):
            return False
        level, full = self.available(at), self.full
        self.at_once, self.per_period, self.period_ms = at_once, per_period, period_ms
        self.level = level * self.full // full if full else self.full
        self.level_at = max(at, self.level_at)
        return True

    def _holds_at(self, units: int) -> int:
        missing = max(units - self.level, 0)
        return self.level_at + -(-missing // self.per_period)
