"""Mutations of rule 7: checkpoints."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from headrace.shard.checkpoint import Checkpoints, Stage
from headrace.shard.memory import MemoryLog
from headrace.shard.memory_snapshots import MemorySnapshotWriter
from tests.simulation.mutations.swapping import swapped


def zombie_writes_snapshots() -> AbstractContextManager[None]:
    """The log lets in whoever ever was let in."""
    return swapped(MemorySnapshotWriter, "_is_let_in", lambda _: lambda writer: True)


def snapshot_unacknowledged() -> AbstractContextManager[None]:
    """The state is written while what it holds is still in flight."""

    def make(original: Any) -> Any:
        def step(checkpoints: Checkpoints, *, may_begin: bool) -> bool:
            if checkpoints._stage is not Stage.DRAIN:
                return bool(original(checkpoints, may_begin=may_begin))
            window = checkpoints._window
            waiting, next_offset = len(window), window.next_offset
            checkpoints._fence()
            window._next_offset = next_offset + waiting + 1
            try:
                checkpoints._write()
            finally:
                window._next_offset = next_offset
            return True

        return step

    return swapped(Checkpoints, "step", make)


def half_a_checkpoint_counts() -> AbstractContextManager[None]:
    """No transaction holds the writes of a checkpoint together: what was written before a crash is there."""

    def make(original: Any) -> Any:
        def source(log: MemoryLog, name: str, *, committed: bool = False, rare: Any = ()) -> Any:
            return original(log, name)

        return source

    return swapped(MemoryLog, "source", make)


def delete_before_commit() -> AbstractContextManager[None]:
    """What a checkpoint has taken in is deleted as soon as the checkpoint is begun."""

    def make(original: Any) -> Any:
        def write(checkpoints: Checkpoints) -> None:
            original(checkpoints)
            assert checkpoints._writing is not None
            checkpoints._deletion.after(checkpoints._writing)

        return write

    return swapped(Checkpoints, "_write", make)
