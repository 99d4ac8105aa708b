"""Rule 3, the first half: shut out every earlier writer of snapshots, then load the last checkpoint.

In this order. Loaded first, an earlier owner might commit a newer checkpoint in between and delete the commands up to
it; we would then stand on an old state with commands missing.
"""

from __future__ import annotations

import logging

from headrace.contracts.journal import Checkpoint
from headrace.shard.environment import Environment
from headrace.shard.errors import Abandoned, ShardDeclined
from headrace.shard.fence import look_back, outdated
from headrace.shard.fold import Fold
from headrace.shard.ports import RecordSource, SnapshotWriter, Writing
from headrace.shard.reader_rule import START, Position
from headrace.shard.snapshots import Assembler

_log = logging.getLogger("headrace.shard")


class Loading:
    """Loads the snapshot of one shard for one reign; a machine that is stepped."""

    def __init__(self, env: Environment, epoch: int, writer: SnapshotWriter) -> None:
        """Begin with the fence of the snapshot writer; `epoch` is our own `EpochStarted`."""
        self.done = False
        self.writer = writer
        self.chunks: dict[str, int] = {}
        """How many chunks an entry of the snapshot has, for those with more than one."""
        self.fold = Fold(env.decider)
        self.position = START
        """Where the replay of the journal begins."""
        self.checkpoint: Checkpoint | None = None
        self._env = env
        self._epoch = epoch
        self._source: RecordSource | None = None
        self._end = 0
        self._assembler = Assembler()
        self._began = env.clock.monotonic_ms()
        self._look_out_at = self._began
        self.writer.fence()

    def step(self) -> bool:
        """Do what can be done now; False when nothing had come.

        Raises:
            Abandoned: the fence failed, or a checkpoint lies beyond our own `EpochStarted`: we are late.
            LogAway: the log does not answer.
            ShardDeclined: newer code wrote the checkpoint, or this code cannot read it.
        """
        if self._source is None and not self._open():
            return False
        assert self._source is not None
        where = self._env.snapshots
        records = []
        if self._source.assigned()[where] < self._end:
            records = self._source.poll(self._env.limits.poll_records, self._env.limits.wait_recovery_ms)
        for record in records:
            self._assembler.take(record.key, record.value)
        if self._source.assigned()[where] >= self._end:
            self._finish()
            return True
        if self._env.clock.monotonic_ms() - self._began > self._env.limits.snapshot_load_ms:
            # The topic's tombstones live for a bounded time: who reads for longer may miss one.
            raise Abandoned(f"loading {where} took longer than {self._env.limits.snapshot_load_ms} ms")
        if not records:
            self._look_out()
        return bool(records)

    def close(self, *, keep_writer: bool = False) -> None:
        """Free what is held; the writer goes on into the reign where it is kept."""
        if self._source is not None:
            self._source.close()
        if not keep_writer:
            self.writer.close()

    def _open(self) -> bool:
        """Await the fence, and only then look how far the topic goes: nothing of anybody else comes any more."""
        match self.writer.poll():
            case Writing.FAILED:
                raise Abandoned(f"the writer of {self._env.snapshots} could not be fenced")
            case Writing.UNDER_WAY:
                return False
        low, self._end = self._env.log.bounds([self._env.snapshots])[self._env.snapshots]
        self._source = self._env.log.source(f"{self._env.name}-snapshot", committed=True)
        self._source.assign({self._env.snapshots: low})
        return True

    def _look_out(self) -> None:
        """A transaction that is open keeps us from the end. Where a newer owner began it and has ended since, nobody
        commits it, and only another fence ends it before the broker does.
        """
        now = self._env.clock.monotonic_ms()
        if now < self._look_out_at:
            return
        self._look_out_at = now + self._env.limits.retry_ms
        last = look_back(self._env.log, self._env.journal, self._env.codec)
        if last is not None and last.epoch > self._epoch:
            raise Abandoned(f"a newer reign, {last.epoch}, has begun while the snapshot was loaded")

    def _finish(self) -> None:
        self.done = True
        value = self._assembler.checkpoint
        if value is None:
            return
        env = self._env
        checkpoint = env.codec.decode(value)
        assert isinstance(checkpoint, Checkpoint), f"{env.snapshots} holds {checkpoint!r} as its checkpoint"
        if checkpoint.epoch > self._epoch:
            raise Abandoned(f"a checkpoint of epoch {checkpoint.epoch} exists: our EpochStarted came too late")
        if checkpoint.code_version > env.decider.code_version:
            raise outdated(env, checkpoint.code_version, checkpoint.process)
        try:
            state = env.decider.restored(self._assembler.entries(self.chunks))
        except ValueError as error:
            raise ShardDeclined(
                f"Expected the snapshot of shard {env.name} in {env.snapshots} to be readable, but {error}; start the "
                "release that wrote it, or a newer one"
            ) from error
        self._assembler = Assembler()
        self.checkpoint = checkpoint
        self.fold = Fold.at_checkpoint(state, checkpoint)
        self.position = Position(checkpoint.epoch, checkpoint.epoch, 0)
        _log.info("shard %s: begins at the checkpoint of epoch %d", env.name, checkpoint.epoch)
