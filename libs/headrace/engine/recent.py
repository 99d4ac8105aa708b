"""What was used lately, up to a limit: two generations instead of a list that every use has to reorder.

A use costs one look-up. When the younger generation is full, the older one leaves as a whole, and the younger takes its
place; what is used again in the meantime is young once more. So between half the limit and the limit is kept, and what
was used last always is.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """Values by key. `leave` is called with each one that has to go."""

    __slots__ = ("_half", "_leave", "_old", "_young")

    def __init__(self, limit: int, leave: Callable[[K, V], None]) -> None:
        self._half = max(1, limit // 2)
        self._leave = leave
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        """Return a value, and use it; None when it is not there."""
        found = self._young.get(key)
        if found is None and key in self._old:
            found = self._old.pop(key)
            self.put(key, found)
        return found

    def peek(self, key: K) -> V | None:
        """Return a value without using it."""
        found = self._young.get(key)
        return found if found is not None else self._old.get(key)

    def put(self, key: K, value: V) -> None:
        """Add a value as the one that was used last."""
        self._young[key] = value
        if len(self._young) > self._half:
            self.age()

    def pop(self, key: K) -> V | None:
        """Take a value out, without `leave`; None when it is not there."""
        found = self._young.pop(key, None)
        return found if found is not None else self._old.pop(key, None)

    def age(self) -> None:
        """Let go of what was not used since the last time."""
        self.rest(lambda _: False)

    def rest(self, keep: Callable[[V], bool]) -> None:
        """Let go of what was not used since the last time, but for what is worth keeping while there is room."""
        leaving, self._old, self._young = self._old, self._young, {}
        room = self._half - len(self._old)
        for key, value in leaving.items():
            if room > 0 and keep(value):
                self._old[key] = value
                room -= 1
            else:
                self._leave(key, value)

    def values(self) -> Iterator[V]:
        """Yield all values, without using them."""
        yield from self._old.values()
        yield from self._young.values()

    def __len__(self) -> int:
        return len(self._old) + len(self._young)
