"""Bank shards on the in-memory log, stepped by hand."""

from __future__ import annotations

from random import Random

from headrace.contracts.codec import Codec
from headrace.contracts.headers import journal_position
from headrace.contracts.journal import Checkpoint, JournalRecord
from headrace.contracts.message import Message
from headrace.shard.clock import ManualClock
from headrace.shard.fold import Fold
from headrace.shard.host import ShardHost
from headrace.shard.limits import Limits
from headrace.shard.memory import MemoryLog
from headrace.shard.memory_group import MemoryGroup
from headrace.shard.ports import Record, TopicPartition
from headrace.shard.reader_rule import START, Position, Verdict, judge
from headrace.shard.snapshots import CHECKPOINT_KEY, Assembler
from tests.support.bank import COMMANDS, JOURNAL, SNAPSHOTS, Bank, BankDecider, bank_role, command

CODEC = Codec()


class MemoryWorld:
    """A log, a group, a clock, and hosts by name."""

    def __init__(self, shards: int = 1, *, limits: Limits | None = None, seed: int = 0) -> None:
        self.clock = ManualClock()
        self.log = MemoryLog(self.clock, {COMMANDS: shards, JOURNAL: shards})
        self.group = MemoryGroup(shards)
        self.limits = limits or Limits()
        self.random = Random(seed)
        self.hosts: dict[str, ShardHost] = {}

    def start(self, name: str, code_version: int = 1) -> ShardHost:
        """Start a process; it gets the shards that nobody has."""
        self.hosts[name] = ShardHost(
            bank_role(code_version),
            self.log,
            self.group.join(name),
            self.clock,
            codec=CODEC,
            limits=self.limits,
            random=self.random,
            process=name,
        )
        return self.hosts[name]

    def kill(self, name: str) -> None:
        """End a process at once."""
        del self.hosts[name]
        self.group.expel(name)

    def send(self, account: str, name: str, amount: int = 0, *, shard: int = 0, to: int = 0) -> int:
        """Send a command; return its offset."""
        return self.log.append(COMMANDS, shard, command(account, name, amount, str(to)))

    def settle(self, *names: str, rounds: int = 2_000) -> None:
        """Step processes, letting time pass, until none has anything to do for longer than any pause."""
        idle = 0
        for _ in range(rounds):
            worked = [self.hosts[name].step() for name in names or list(self.hosts)]
            idle = 0 if any(worked) else idle + 1
            if not any(worked):
                self.clock.advance(20)
            if idle > 50:
                return
        raise AssertionError(f"still busy after {rounds} rounds")

    def ask_checkpoint(self, name: str, shard: int = 0) -> None:
        """Let a shard begin a checkpoint with its next step."""
        reign = self.hosts[name].shards[shard].reign
        assert reign is not None, f"{name} does not reign over shard {shard}"
        reign.checkpoints.ask()

    def checkpoint(self, name: str, shard: int = 0) -> Checkpoint:
        """Let a shard make a checkpoint, and return it."""
        self.ask_checkpoint(name, shard)
        self.settle(name)
        reign = self.hosts[name].shards[shard].reign
        assert reign is not None and reign.checkpoints.committed is not None
        return reign.checkpoints.committed

    def written_checkpoint(self, shard: int = 0) -> Checkpoint | None:
        """Return the checkpoint that the log holds."""
        records = self._snapshot_records(shard)
        found = [CODEC.decode(record.value) for record in records if record.key == CHECKPOINT_KEY]
        assert all(isinstance(checkpoint, Checkpoint) for checkpoint in found)
        return found[-1] if found else None  # type: ignore[return-value]

    def low(self, topic: str, shard: int = 0) -> int:
        """Return the first offset of a partition that was not deleted."""
        where = TopicPartition(topic, shard)
        return self.log.bounds([where])[where].low

    def state(self, name: str, shard: int = 0) -> Bank:
        """Return the live state of a shard."""
        fold = self.hosts[name].shards[shard].fold
        assert fold is not None, f"{name} does not reign over shard {shard}"
        assert isinstance(fold.state, Bank)
        return fold.state

    def replay(self, shard: int = 0) -> Fold:
        """Return what any reader folds out of the journal.

        From its beginning; where that was deleted, from the last checkpoint on.
        """
        decider = BankDecider(shard)
        fold, position = Fold(decider), START
        if self.low(JOURNAL, shard) > 0:
            fold, position = self._at_checkpoint(decider)
        for record in self.log.records(JOURNAL, shard):
            verdict, position = judge(position, record.offset, journal_position(record.headers))
            if verdict is Verdict.ACCEPT:
                message = CODEC.decode(record.value)
                assert isinstance(message, JournalRecord)
                fold.apply(decider, message)
        return fold

    def _at_checkpoint(self, decider: BankDecider) -> tuple[Fold, Position]:
        checkpoint = self.written_checkpoint(decider.shard)
        assert checkpoint is not None, "a journal was deleted without a checkpoint"
        assembler = Assembler()
        for record in self._snapshot_records(decider.shard):
            assembler.take(record.key, record.value)
        fold = Fold.at_checkpoint(decider.restored(assembler.entries({})), checkpoint)
        return fold, Position(checkpoint.epoch, checkpoint.epoch, 0)

    def _snapshot_records(self, shard: int) -> list[Record]:
        return self.log.read(TopicPartition(SNAPSHOTS, shard), 0, 1_000_000, committed=True)[0]

    def journal(self, shard: int = 0) -> list[Message]:
        """Return the journal's messages as they stand, zombies' included."""
        return [CODEC.decode(record.value) for record in self.log.records(JOURNAL, shard)]
