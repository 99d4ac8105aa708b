"""Rule 7: the state goes into a snapshot, fenced by the transaction that writes it.

    REST --due--> DRAIN --nothing in flight--> FENCE --acknowledged at the next offset--> REST
                                                 |
                                                 +--> the transaction is under way, while the reign decides on

1. *Drain.* Nothing is decided before everything is acknowledged: a snapshot must not hold what may not be in the log.
2. *Fence.* Our own `EpochStarted`. Its offset must be the next one: then nobody wrote between our last record and it,
   so the state in memory is what every reader has folded there. It is the new epoch, and n begins anew; replay from
   here needs nothing of what lies before. The changes are packed while the acknowledgement is on its way: nothing is
   decided in that time, and if it is not the right one, the state is dropped, changes and all.
3. *Write.* Changes and checkpoint in one transaction, by a writer that was fenced when the reign began. Deciding goes
   on: the transaction holds bytes, not the state. Unless it is known to have succeeded, the reign is abandoned: the
   decider has forgotten its changes, and whether the snapshot holds them is not known.
4. *Delete* (`deletion.py`), only now. The next `EpochStarted` tells the others how far this checkpoint has come.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from itertools import chain

from headrace.contracts.headers import EPOCH_STARTED, journal_headers
from headrace.contracts.journal import Checkpoint, EpochStarted, MarkedInput
from headrace.shard.deletion import Deletion
from headrace.shard.environment import Environment
from headrace.shard.errors import Abandoned
from headrace.shard.fold import Fold, input_position
from headrace.shard.followers import Followers
from headrace.shard.loading import Loading
from headrace.shard.ports import Writing
from headrace.shard.snapshots import CHECKPOINT_KEY, to_records
from headrace.shard.window import Window

_FENCE_TOKEN = 0


class Stage(Enum):
    """What a checkpoint asks of its reign."""

    REST = "rest"
    DRAIN = "drain"
    FENCE = "fence"


class Checkpoints:
    """Makes the checkpoints of one reign."""

    def __init__(
        self,
        env: Environment,
        fold: Fold,
        window: Window,
        loaded: Loading,
        followers: Followers,
        begin_epoch: Callable[[int], None],
    ) -> None:
        """Begin a reign; `begin_epoch` is told the offset of every fence that was acknowledged."""
        self._env = env
        self._fold = fold
        self._window = window
        self._writer = loaded.writer
        self._chunks = loaded.chunks
        self._committed = loaded.checkpoint
        self._begin_epoch = begin_epoch
        self._deletion = Deletion(env, followers)
        self._stage = Stage.REST
        self._changes: list[tuple[str, bytes | None]] = []
        self._writing: Checkpoint | None = None
        self._asked = False
        self._held_ms = 0
        # What was replayed would be replayed again: it counts as if this reign had decided it.
        self._events_at = env.metrics.events - env.metrics.replayed_events
        self._bytes_at = env.metrics.record_bytes - env.metrics.replayed_bytes
        # Shards that were taken over together must not stand still together.
        self._due_ms = env.clock.monotonic_ms() + env.random.randint(
            env.limits.checkpoint_ms // 2, env.limits.checkpoint_ms
        )

    @property
    def holds(self) -> bool:
        """Tell whether nothing may be decided now."""
        return self._stage is not Stage.REST

    @property
    def committed(self) -> Checkpoint | None:
        """Return the last checkpoint that is known to be committed."""
        return self._committed

    def close(self) -> None:
        """Give up what is under way."""
        self._writer.close()

    def ask(self) -> None:
        """Make a checkpoint as soon as one can be made."""
        self._asked = True

    def wait_ms(self) -> int | None:
        """Return how long nothing is to be done here, unless an acknowledgement comes."""
        if self._stage is Stage.DRAIN and not len(self._window):
            return 0
        if self._stage is not Stage.REST:
            return None
        if self._writing is not None:
            return self._env.limits.wait_recovery_ms
        return max(self._due_ms - self._env.clock.monotonic_ms(), 0)

    def step(self, *, may_begin: bool) -> bool:
        """Do what can be done now; False when there was nothing.

        Raises:
            Abandoned: the transaction is not known to have succeeded.
        """
        match self._stage:
            case Stage.REST:
                worked = self._watch()
                if self._writing is None and may_begin and self._is_due():
                    self._stage = Stage.DRAIN
                    self._held_ms = self._env.clock.monotonic_ms()
                    return True
                return worked
            case Stage.DRAIN:
                if len(self._window):
                    return False
                self._fence()
                return True
            case Stage.FENCE:
                if len(self._window):
                    return False
                self._write()
                return True

    def _is_due(self) -> bool:
        limits, metrics = self._env.limits, self._env.metrics
        return (
            self._asked
            or metrics.events - self._events_at >= limits.checkpoint_events
            or metrics.record_bytes - self._bytes_at >= limits.checkpoint_bytes
            or self._env.clock.monotonic_ms() >= self._due_ms
        )

    def _fence(self) -> None:
        """Append our own `EpochStarted`, and pack what has changed up to it."""
        env = self._env
        started = EpochStarted(
            code_version=env.decider.code_version,
            process=env.process,
            host=env.host,
            idle_reigns=0,
            checkpoint=True,
            at=env.clock.now_ms(),
            positions=self._committed.positions if self._committed is not None else [],
        )
        self._window.append(_FENCE_TOKEN, env.codec.encode(started), journal_headers(EPOCH_STARTED, 0))
        self._stage = Stage.FENCE
        self._changes = list(env.decider.changes(self._fold.state))

    def _write(self) -> None:
        """The fence stands where it must: begin the transaction, and let the reign go on."""
        env, fold = self._env, self._fold
        epoch = self._window.next_offset - 1
        marks = [
            MarkedInput(topic=where.topic, partition=where.partition, offset=offset, times=times)
            for where, (offset, times) in fold.marks.items()
        ]
        self._writing = Checkpoint(
            epoch=epoch,
            code_version=env.decider.code_version,
            process=env.process,
            last_at=fold.last_at,
            positions=[input_position(where, position) for where, position in fold.positions.items()],
            marks=marks,
            at=env.clock.now_ms(),
        )
        changes, self._changes = self._changes, []
        records = to_records(changes, self._chunks, env.limits.snapshot_chunk_bytes)
        self._writer.write(chain(records, [(CHECKPOINT_KEY, env.codec.encode(self._writing))]))
        self._stage = Stage.REST
        self._asked = False
        self._events_at, self._bytes_at = env.metrics.events, env.metrics.record_bytes
        self._due_ms = env.clock.monotonic_ms() + env.limits.checkpoint_ms
        env.metrics.checkpoint_entries = len(changes)
        env.metrics.checkpoint_stall_ms = env.clock.monotonic_ms() - self._held_ms
        self._begin_epoch(epoch)

    def _watch(self) -> bool:
        """See what became of the transaction."""
        if self._writing is None:
            return False
        match self._writer.poll():
            case Writing.UNDER_WAY:
                return False
            case Writing.FAILED:
                raise Abandoned(f"the checkpoint of epoch {self._writing.epoch} is not known to be committed")
        self._committed, self._writing = self._writing, None
        self._env.metrics.checkpoints += 1
        self._deletion.after(self._committed)
        return True
