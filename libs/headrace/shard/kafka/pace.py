"""Lets batching follow the load: a reader that is late anyway waits a few milliseconds more, so that records gather.

A service that takes every record as soon as it comes pays for a fetch, a wake-up and an append per record. Alone on a
machine that is the fastest way; under load it is what the load consists of. So while records are old when they are
read, two batches are at least `gather_ms` apart; while they are fresh, nothing waits.

How old a record is, is the broker's clock against ours. What they differ by shows in the youngest records, which are
read as soon as they are there even under load: ages count from that.
"""

from __future__ import annotations

import msgspec

# The clocks' difference is the least age of this time and of as long before. Clocks drift by microseconds meanwhile.
_CLOCKS_S = 30.0


class Pace(msgspec.Struct):
    """How long a reader rests before it takes the next batch. Times in seconds, from any fixed moment."""

    gather_s: float
    """How far two batches are apart under load."""
    late_s: float
    """The age of a record from which on its reader is under load. More than `gather_s`, or resting would itself look
    like load, and never end.
    """
    is_late: bool = False
    last_s: float = 0.0
    _least: float = float("inf")
    _least_before: float = float("inf")
    _since_s: float = 0.0

    def took(self, oldest_s: float, youngest_s: float, now_s: float) -> None:
        """Note a batch, by the ages of its records."""
        if now_s - self._since_s > _CLOCKS_S:
            self._least_before, self._least, self._since_s = self._least, float("inf"), now_s
        self._least = min(self._least, youngest_s)
        self.is_late = oldest_s - min(self._least, self._least_before) >= self.late_s
        self.last_s = now_s

    def rest_s(self, now_s: float) -> float:
        """Return how long to wait before the next batch."""
        return max(self.gather_s - (now_s - self.last_s), 0.0) if self.is_late else 0.0
