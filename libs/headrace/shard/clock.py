"""Clocks: the machine's, one that only moves when told, and the time of a reign."""

from __future__ import annotations

import time

from headrace.shard.ports import Clock


class SystemClock:
    """The machine's clocks."""

    def now_ms(self) -> int:
        """Return wall-clock time in ms since the epoch."""
        return time.time_ns() // 1_000_000

    def monotonic_ms(self) -> int:
        """Return ms since some fixed moment."""
        return time.monotonic_ns() // 1_000_000


class ManualClock:
    """A clock that stands still until it is moved; for simulations and tests."""

    def __init__(self, now_ms: int = 1_700_000_000_000) -> None:
        self._now_ms = now_ms
        self._monotonic_ms = 0

    def now_ms(self) -> int:
        """Return the time it was set to."""
        return self._now_ms

    def monotonic_ms(self) -> int:
        """Return by how much it was moved on."""
        return self._monotonic_ms

    def advance(self, by_ms: int) -> None:
        """Let time pass."""
        self._now_ms += by_ms
        self._monotonic_ms += by_ms

    def set_wall(self, now_ms: int) -> None:
        """Set the wall clock, as an operator or NTP would; monotonic time does not notice."""
        self._now_ms = now_ms


class ReignClock:
    """Rule 4: now = max(clock, last `at` + monotonic time since take-over); within a reign it never goes back."""

    def __init__(self, clock: Clock, last_at: int) -> None:
        self._clock = clock
        self._last_at = last_at
        self._taken_over_at = clock.monotonic_ms()
        self._latest = last_at

    def now_ms(self) -> int:
        """Return the time that decisions are given."""
        since = self._clock.monotonic_ms() - self._taken_over_at
        self._latest = max(self._latest, self._clock.now_ms(), self._last_at + since)
        return self._latest
