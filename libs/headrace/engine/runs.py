"""The open runs of a shard: those that were touched lately as objects, the others as bytes."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.engine.packing import Front, front, pack_run, unpack_run
from headrace.engine.recent import Recent
from headrace.engine.run import Run
from headrace.shard.entries import Changed


class Runs:
    """Open runs by workflow id.

    A run that is asked for is unpacked, and stays so for as long as it is among the last `limit` that were used. A
    decision may hold on to the run that it decides on, since it touches no others meanwhile.
    """

    __slots__ = ("_live", "_packed", "changed", "cuts")

    def __init__(self, limit: int) -> None:
        self._live: Recent[str, Run] = Recent(limit, self._pack, weight=lambda run: len(run.log) + len(run.open))
        self._packed: dict[str, bytes] = {}
        self.changed: Changed[str] = Changed()
        self.cuts: dict[str, tuple[str, int, int]] = {}
        """Of long records, what the snapshot holds apart: run id, and how many steps and ends, by workflow id."""

    def get(self, workflow_id: str) -> Run | None:
        """Return the open run of a workflow; None when there is none."""
        run = self._live.get(workflow_id)
        if run is None:
            packed = self._packed.pop(workflow_id, None)
            if packed is not None:
                run = unpack_run(workflow_id, packed)
                self._live.put(workflow_id, run)
        return run

    def __getitem__(self, workflow_id: str) -> Run:
        run = self.get(workflow_id)
        if run is None:
            raise KeyError(workflow_id)
        return run

    def add(self, run: Run) -> None:
        """Add a run that begins."""
        self._packed.pop(run.workflow_id, None)
        self._live.put(run.workflow_id, run)

    def remove(self, workflow_id: str) -> Run:
        """Take out a run that ends, and return it."""
        run = self[workflow_id]
        self._live.pop(workflow_id)
        return run

    def has_timer(self, workflow_id: str, step: int, due_at: int) -> bool:
        """Tell whether a timer still stands for something open, without unpacking the run."""
        run = self._live.peek(workflow_id)
        if run is not None:
            return run.has_timer(step, due_at)
        packed = self._packed.get(workflow_id)
        if packed is None:
            return False
        timers = front(workflow_id, packed).timers
        return any(timers[at] == due_at and timers[at + 1] == step for at in range(0, len(timers), 2))

    def rest(self) -> None:
        """Pack what was not used since the last time; long records stay for longer."""
        self._live.age()

    def look_at(self, workflow_id: str) -> Run | bytes | None:
        """Return a run as it is kept, without using it."""
        return self._packed.get(workflow_id) or self._live.peek(workflow_id)

    def packed(self, workflow_id: str) -> bytes | None:
        """Return a run as bytes; None when there is none."""
        packed = self._packed.get(workflow_id)
        if packed is not None:
            return packed
        run = self._live.peek(workflow_id)
        return pack_run(run) if run is not None else None

    def restore(self, workflow_id: str, packed: bytes) -> Front:
        """Take in a run of a snapshot as it is; return its beginning."""
        self._packed[workflow_id] = packed
        return front(workflow_id, packed)

    def live(self) -> int:
        """Return how many runs are not packed."""
        return len(self._live)

    def values(self) -> Iterator[Run]:
        """Yield all runs, without using them: for tests and for those who look from outside."""
        yield from self._live.values()
        for workflow_id, packed in self._packed.items():
            yield unpack_run(workflow_id, packed)

    def __contains__(self, workflow_id: object) -> bool:
        return workflow_id in self._packed or self._live.peek(workflow_id) is not None  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[str]:
        yield from (run.workflow_id for run in self._live.values())
        yield from self._packed

    def __len__(self) -> int:
        return len(self._live) + len(self._packed)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Runs):
            return NotImplemented
        return {run.workflow_id: run for run in self.values()} == {run.workflow_id: run for run in other.values()}

    __hash__ = None  # type: ignore[assignment]

    def _pack(self, workflow_id: str, run: Run) -> None:
        self._packed[workflow_id] = pack_run(run)
