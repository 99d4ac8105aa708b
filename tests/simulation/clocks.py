"""A process's clock: true monotonic time, and wall-clock time that may be off by what a broker tolerates."""

from __future__ import annotations

from headrace.shard.clock import ManualClock


class ProcessClock:
    """Reads the world's clock with an offset, in ms."""

    def __init__(self, world: ManualClock, skew_ms: int = 0) -> None:
        self.skew_ms = skew_ms
        self._world = world
        self._booted = world.monotonic_ms()

    def now_ms(self) -> int:
        """Return wall-clock time as this process sees it."""
        return self._world.now_ms() + self.skew_ms

    def monotonic_ms(self) -> int:
        """Return ms since the process began."""
        return self._world.monotonic_ms() - self._booted
