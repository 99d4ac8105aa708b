"""The records of runs that failed, for as long as somebody may retry them.

The journal is no place to look something up, so what a retry takes over is kept here, packed: bounded by number, by
size and by time; what failed longest ago goes first.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from headrace.shard.entries import Changed


class FailedRun(msgspec.Struct, frozen=True, gc=False):
    """A run as it was when it ended, packed; when that was: in ms since the epoch, and as a number that grows from
    one to the next.
    """

    packed: bytes
    at: int
    number: int


class FailedRuns:
    """The last runs of workflows that have failed, by workflow id."""

    __slots__ = ("_bytes", "_keep_ms", "_limit", "_limit_bytes", "_runs", "changed")

    def __init__(self, *, keep_ms: int, limit: int, limit_bytes: int) -> None:
        self._keep_ms = keep_ms
        self._limit = limit
        self._limit_bytes = limit_bytes
        self._runs: dict[str, FailedRun] = {}
        self._bytes = 0
        self.changed: Changed[str] = Changed()

    def get(self, workflow_id: str) -> bytes | None:
        """Return the last run of a workflow, packed; None where it did not fail, or is forgotten."""
        found = self._runs.get(workflow_id)
        return found.packed if found is not None else None

    def add(self, workflow_id: str, packed: bytes, at: int) -> None:
        """Keep a run that failed, and forget the oldest where it is too much. One that is too large is not kept."""
        self.forget(workflow_id)
        if len(packed) <= self._limit_bytes:
            last = next(reversed(self._runs.values()), None)
            self.restore(workflow_id, FailedRun(packed, at, last.number + 1 if last is not None else 1))
            self.changed.made(workflow_id)
        while self._runs:
            oldest = next(iter(self._runs))
            old = self._runs[oldest].at < at - self._keep_ms
            if not old and len(self._runs) <= self._limit and self._bytes <= self._limit_bytes:
                return
            self.forget(oldest)

    def forget(self, workflow_id: str) -> None:
        """Let go of a run: its workflow runs again, or was retried."""
        gone = self._runs.pop(workflow_id, None)
        if gone is not None:
            self._bytes -= len(gone.packed)
            self.changed.touched(workflow_id)

    def restore(self, workflow_id: str, failed: FailedRun) -> None:
        """Take in a run of a snapshot. They must come in the order of their numbers."""
        self._runs[workflow_id] = failed
        self._bytes += len(failed.packed)

    def run(self, workflow_id: str) -> FailedRun | None:
        """Return what is kept of a workflow."""
        return self._runs.get(workflow_id)

    def __contains__(self, workflow_id: object) -> bool:
        return workflow_id in self._runs

    def __iter__(self) -> Iterator[str]:
        return iter(self._runs)

    def __len__(self) -> int:
        return len(self._runs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FailedRuns) and list(self._runs.items()) == list(other._runs.items())

    __hash__ = None  # type: ignore[assignment]
