"""The last result of each series of runs (`$previous`), as far as it is remembered.

Every decision shard keeps all of them, since the next run of a series may begin anywhere. So they are bounded by
number and by size; what was recorded longest ago goes first.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from headrace.shard.entries import Changed

Series = tuple[str, str]
"""Name of the definition, key."""


class LastResult(msgspec.Struct, frozen=True, gc=False):
    """An output, and when it was recorded: in ms since the epoch, and as a number that only grows."""

    output: bytes
    at: int
    number: int


class LastResults:
    """Last results by series."""

    __slots__ = ("_bytes", "_limit", "_limit_bytes", "_number", "_results", "changed")

    def __init__(self, *, limit: int, limit_bytes: int) -> None:
        self._limit = limit
        self._limit_bytes = limit_bytes
        self._results: dict[Series, LastResult] = {}
        self._bytes = 0
        self._number = 0
        self.changed: Changed[Series] = Changed()

    def get(self, name: str, key: str) -> bytes:
        """Return the last output of a series; empty where none is known."""
        found = self._results.get((name, key))
        return found.output if found is not None else b""

    def record(self, name: str, key: str, output: bytes, at: int) -> None:
        """Remember a result, and forget the oldest where it is too much."""
        self._forget((name, key))
        self.restore((name, key), LastResult(output, at, self._number + 1))
        self.changed.made((name, key))
        while len(self._results) > self._limit or self._bytes > self._limit_bytes:
            self._forget(next(iter(self._results)))

    def restore(self, series: Series, result: LastResult) -> None:
        """Take in a result of a snapshot. They must come in the order of their numbers."""
        self._results[series] = result
        self._bytes += len(result.output)
        self._number = result.number

    def result(self, series: Series) -> LastResult | None:
        """Return what is remembered of a series."""
        return self._results.get(series)

    def _forget(self, series: Series) -> None:
        gone = self._results.pop(series, None)
        if gone is not None:
            self._bytes -= len(gone.output)
            self.changed.touched(series)

    def __iter__(self) -> Iterator[Series]:
        return iter(self._results)

    def __len__(self) -> int:
        return len(self._results)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LastResults) and list(self._results.items()) == list(other._results.items())

    __hash__ = None  # type: ignore[assignment]
