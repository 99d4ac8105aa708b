"""Random numbers that are the same in every replay: a hash of a seed and a counter, whatever the Python version."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

_FRACTION_BITS = 53  # a double holds no more


class RandomStream:
    """A stream of numbers that depends on its seed alone."""

    __slots__ = ("_count", "_seed")

    def __init__(self, seed: str) -> None:
        self._seed = hashlib.sha256(seed.encode("utf-8", "surrogatepass")).digest()
        self._count = 0

    def bits(self) -> int:
        """Return the next 64 bits."""
        block = hashlib.sha256(self._seed + self._count.to_bytes(8, "big")).digest()
        self._count += 1
        return int.from_bytes(block[:8], "big")

    def fraction(self) -> float:
        """Return the next number from 0 up to but without 1."""
        return float((self.bits() >> (64 - _FRACTION_BITS)) / (1 << _FRACTION_BITS))

    def shuffled(self, items: Sequence[Any]) -> list[Any]:
        """Return the items in a random order (Fisher and Yates)."""
        result = list(items)
        for last in range(len(result) - 1, 0, -1):
            other = self.bits() % (last + 1)
            result[last], result[other] = result[other], result[last]
        return result
