"""Lets batching follow the load: a reader that is busy waits a few milliseconds, so that records gather.

A service that takes every record as soon as it comes pays for a fetch, a wake-up and an append per record. Alone on a
machine that is the fastest way; under load it is what the load consists of. So while much comes in, two batches are
at least `gather_ms` apart; while little comes in, nothing waits.
"""

from __future__ import annotations

import math

import msgspec

# The time over which the rate is averaged: short enough that a burst of a few milliseconds does not count as load,
# long enough that load does not look like silence between two batches.
_MEMORY_S = 0.2
# The size of a small event: a record of many events counts as many.
_UNIT_BYTES = 128


class Pace(msgspec.Struct):
    """How long a reader rests before it takes the next batch. Times in seconds, from any fixed moment."""

    gather_s: float
    """How far two batches are apart under load."""
    busy_from: float
    """Units per second (records, and their bytes by 128) from which on a reader is under load."""
    rate: float = 0.0
    last_s: float = 0.0

    def took(self, records: int, size_bytes: int, now_s: float) -> None:
        """Note a batch."""
        passed = max(now_s - self.last_s, 0.0)
        units = records + size_bytes / _UNIT_BYTES
        self.rate = self.rate * math.exp(-passed / _MEMORY_S) + units / _MEMORY_S
        self.last_s = now_s

    def rest_s(self, now_s: float) -> float:
        """Return how long to wait before the next batch."""
        passed = max(now_s - self.last_s, 0.0)
        if passed >= self.gather_s or self.rate * math.exp(-passed / _MEMORY_S) < self.busy_from:
            return 0.0
        return self.gather_s - passed
