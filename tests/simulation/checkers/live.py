"""Replay equals live, at every step: what a process has decided so far, folded by somebody else, gives its state.

For each reign a second fold is kept: first of what counts in the journal before the reign, then of every record that
the process appends, as bytes. After each step of the process it must equal the live state.
"""

from __future__ import annotations

import msgspec

from headrace.contracts.codec import Codec
from headrace.contracts.journal import Checkpoint, JournalRecord
from headrace.shard.fold import Fold
from headrace.shard.ports import TopicPartition
from headrace.shard.runtime import Shard
from headrace.shard.snapshots import CHECKPOINT_KEY
from headrace_execution.dispatcher.state import DispatcherState
from tests.simulation.broker import SimWriter
from tests.simulation.checkers.holdings import leaks
from tests.simulation.checkers.journals import Journals
from tests.simulation.hosts import HostProcess
from tests.simulation.world import World
from tests.support.contents import contents

CODEC = Codec()


class ReplayDiffers(AssertionError):
    """A live state is not what its journal folds to."""


class DoesNotAddUp(AssertionError):
    """Slots or permits are taken by nobody, or not by who has them."""


class Shadow(msgspec.Struct, kw_only=True):
    """The second fold of one reign."""

    writer: SimWriter
    epoch: int
    """The last fence of its own that the reign has seen acknowledged."""
    fold: Fold
    applied: int = 0


class LiveCheck:
    """Watches every process of a world."""

    def __init__(self, world: World, journals: Journals) -> None:
        self.compared = 0
        self._world = world
        self._journals = {journal.where: journal for journal in journals.all}
        self._shadows: dict[tuple[str, int], Shadow] = {}
        self.checkpoints: dict[tuple[TopicPartition, int], dict[TopicPartition, int]] = {}
        """How far the last checkpoint had come when a reign began, by journal and epoch; by what the log holds."""

    def watch(self, process: HostProcess) -> None:
        """Compare each reign of a process with its second fold."""
        for number, shard in process.host.shards.items():
            if shard.reign is None:
                self._shadows.pop((process.name, number), None)
                continue
            shadow = self._shadows.get((process.name, number))
            writer = self._writer(process, shard)
            if shadow is None or shadow.writer is not writer:
                shadow = self._shadows[process.name, number] = self._begin(shard, writer)
                self._compare_positions(shard, shadow)
                self._compare(process, shard, shadow)
            if shadow.epoch != shard.reign.epoch:
                self._compare_fence(shard, shadow)
            if shadow.applied < len(writer.appended):
                self._follow(shard, shadow)
                self._compare(process, shard, shadow)
                self._add_up(process, shard)

    def _begin(self, shard: Shard, writer: SimWriter) -> Shadow:
        assert shard.reign is not None
        epoch = shard.reign.epoch
        self.checkpoints[shard.env.journal, epoch] = self._checkpoint(shard)
        decider = shard.env.role.decider_for(shard.env.shard)
        fold = Fold(decider)
        for found in self._journals[shard.env.journal].follow():
            if found.record is not None and found.entry.offset < epoch:
                self._apply(shard, fold, found.record)
        return Shadow(writer=writer, epoch=epoch, fold=fold, applied=1)

    def _checkpoint(self, shard: Shard) -> dict[TopicPartition, int]:
        log, where = self._world.log, shard.env.snapshots
        bounds = log.bounds([where])[where]
        found, _ = log.read(where, bounds.low, bounds.end + 1, committed=True)
        values = [record.value for record in found if record.key == CHECKPOINT_KEY]
        if not values:
            return {}
        last = CODEC.decode(values[-1])
        assert isinstance(last, Checkpoint)
        return {TopicPartition(moved.topic, moved.partition): moved.offset for moved in last.positions}

    def _follow(self, shard: Shard, shadow: Shadow) -> None:
        for value, _ in shadow.writer.appended[shadow.applied :]:
            message = CODEC.decode(value)
            if isinstance(message, JournalRecord):
                self._apply(shard, shadow.fold, message)
        shadow.applied = len(shadow.writer.appended)

    @staticmethod
    def _apply(shard: Shard, fold: Fold, record: JournalRecord) -> None:
        fold.apply(shard.env.decider, record)

    def _compare(self, process: HostProcess, shard: Shard, shadow: Shadow) -> None:
        assert shard.fold is not None
        self.compared += 1
        live, replayed = contents(shard.fold.state), contents(shadow.fold.state)
        if live != replayed:
            differing = [name for name in live if live[name] != replayed[name]]
            both = {name: (live[name], replayed[name]) for name in differing}
            raise ReplayDiffers(f"{process.name} {shard.env.name}: live and replayed differ: {both}")

    @staticmethod
    def _add_up(process: HostProcess, shard: Shard) -> None:
        assert shard.fold is not None
        state = shard.fold.state
        problems = list(leaks(state)) if isinstance(state, DispatcherState) else []
        if problems:
            raise DoesNotAddUp(f"{process.name} {shard.env.name}: {problems}")

    def _compare_fence(self, shard: Shard, shadow: Shadow) -> None:
        """A reign goes on after a checkpoint: nobody else may have reigned since its last fence."""
        assert shard.reign is not None
        before, shadow.epoch = shadow.epoch, shard.reign.epoch
        for found in reversed(self._journals[shard.env.journal].follow()):
            if found.entry.offset <= before:
                return
            if found.entry.offset < shadow.epoch and found.epoch != before:
                raise ReplayDiffers(
                    f"{shard.env.name}: Expected reign {before} to end with {found.entry.offset}, which is of epoch "
                    f"{found.epoch}, but its owner goes on with its state at {shadow.epoch}"
                )

    @staticmethod
    def _compare_positions(shard: Shard, shadow: Shadow) -> None:
        """A checkpoint may be ahead of the records before it: of inputs that changed nothing."""
        assert shard.fold is not None
        live, replayed = shard.fold.positions, shadow.fold.positions
        behind = [where for where in replayed if shard.fold.position(where).offset < replayed[where].offset]
        if behind or (shard.reign is not None and shard.reign.checkpoints.committed is None and live != replayed):
            raise ReplayDiffers(f"{shard.env.name}: the positions of a replay differ: {live} and {replayed}")

    @staticmethod
    def _writer(process: HostProcess, shard: Shard) -> SimWriter:
        return next(writer for writer in reversed(process.log.writers) if writer.partition == shard.env.journal)
