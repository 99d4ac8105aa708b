"""What was used lately, up to a limit: two generations instead of a list that every use has to reorder.

A use costs one look-up. When the younger generation is full, the older one leaves as a whole, and the younger takes its
place; what is used again in the meantime is young once more. So between half the limit and the limit is kept, and what
was used last always is.

What is heavy, that is dear to make again, is not driven out by what is light: it gives way to other heavy things only,
when they weigh too much together. Otherwise a workflow of ten thousand steps among many short ones would be made anew
at each of its steps.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

HEAVY = 64
"""Weight from which on something is heavy."""
HEAVY_TOGETHER = 100_000
"""What heavy things may weigh together: with a weight of one for each step of a workflow, some 50 MB."""


class Recent(Generic[K, V]):
    """Values by key. `leave` is called with each one that has to go; `weight` tells how dear it is to make again."""

    __slots__ = ("_half", "_heavy", "_leave", "_old", "_weight", "_weights", "_young")

    def __init__(self, limit: int, leave: Callable[[K, V], None], weight: Callable[[V], int] | None = None) -> None:
        self._half = max(1, limit // 2)
        self._leave = leave
        self._weight = weight
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}
        self._heavy: dict[K, tuple[V, int]] = {}
        self._weights = 0

    def get(self, key: K) -> V | None:
        """Return a value, and use it; None when it is not there."""
        found = self._young.get(key)
        if found is None and (key in self._old or key in self._heavy):
            found = self.pop(key)
            assert found is not None
            self.put(key, found)
        return found

    def peek(self, key: K) -> V | None:
        """Return a value without using it."""
        found = self._young.get(key)
        if found is None:
            found = self._old.get(key)
        if found is None and key in self._heavy:
            found = self._heavy[key][0]
        return found

    def put(self, key: K, value: V) -> None:
        """Add a value as the one that was used last."""
        self._young[key] = value
        if len(self._young) > self._half:
            self.age()

    def pop(self, key: K) -> V | None:
        """Take a value out, without `leave`; None when it is not there."""
        found = self._young.pop(key, None)
        if found is None:
            found = self._old.pop(key, None)
        if found is None and key in self._heavy:
            found, weight = self._heavy.pop(key)
            self._weights -= weight
        return found

    def age(self) -> None:
        """Let go of what was not used since the last time."""
        leaving, self._old, self._young = self._old, self._young, {}
        for key, value in leaving.items():
            weight = self._weight(value) if self._weight is not None else 0
            if weight < HEAVY:
                self._leave(key, value)
            else:
                self._heavy[key] = (value, weight)
                self._weights += weight
        while self._weights > HEAVY_TOGETHER:
            # What was put aside first is what was used longest ago.
            key = next(iter(self._heavy))
            value, weight = self._heavy.pop(key)
            self._weights -= weight
            self._leave(key, value)

    def values(self) -> Iterator[V]:
        """Yield all values, without using them."""
        yield from (value for value, _ in self._heavy.values())
        yield from self._old.values()
        yield from self._young.values()

    def __len__(self) -> int:
        return len(self._heavy) + len(self._old) + len(self._young)
