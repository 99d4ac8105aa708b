"""Rule 3: replay the journal by the reader's rule, up to our own `EpochStarted`."""

from __future__ import annotations

from collections.abc import Iterable

from headrace.contracts.headers import journal_position
from headrace.contracts.journal import EpochStarted, JournalRecord
from headrace.shard.environment import Environment
from headrace.shard.errors import Abandoned, ShardDeclined
from headrace.shard.fence import outdated
from headrace.shard.fold import Fold
from headrace.shard.loading import Loading
from headrace.shard.ports import PositionLost, Record, TopicPartition
from headrace.shard.reader_rule import Verdict, judge


class Recovery:
    """Replays one journal, from the last checkpoint on."""

    def __init__(self, env: Environment, loaded: Loading, epoch: int, fenced_ms: tuple[int, int]) -> None:
        """Replay up to `epoch`; `fenced_ms` is our wall-clock time before and after the fence was appended."""
        self.done = False
        self._fold = loaded.fold
        self._env = env
        self._epoch = epoch
        self._fenced_ms = fenced_ms
        self._position = loaded.position
        # Everything is read with a source of its own: the shared one serves shards that are at work.
        self._source = env.log.source(f"{env.name}-recovery")
        self._source.assign({env.journal: self._position.next_offset})
        env.metrics.replayed_events = env.metrics.replayed_bytes = 0

    def step(self) -> bool:
        """Take in what there is; False when nothing had come."""
        records = self._source.poll(self._env.limits.poll_records, self._env.limits.wait_recovery_ms)
        for record in records:
            self._take(record)
            if self.done:
                break
        return bool(records)

    def close(self) -> None:
        """Free the source."""
        self._source.close()

    def _take(self, record: Record) -> None:
        verdict, self._position = judge(self._position, record.offset, journal_position(record.headers))
        if verdict is Verdict.ACCEPT:
            message = self._env.codec.decode(record.value)
            assert isinstance(message, JournalRecord), f"{self._env.journal} offset {record.offset} is no JournalRecord"
            self._fold.apply(self._env.decider, message)
            metrics = self._env.metrics
            metrics.replayed += 1
            metrics.replayed_events += len(message.events)
            metrics.replayed_bytes += len(record.value)
        elif verdict is Verdict.NEW_REIGN:
            started = self._env.codec.decode(record.value)
            assert isinstance(started, EpochStarted), f"{self._env.journal} offset {record.offset} is no EpochStarted"
            if started.code_version > self._env.decider.code_version:
                # A zombie wrote the last record, so that the look back before the fence did not show this reign.
                raise outdated(self._env, started.code_version, started.process)
        if record.offset >= self._epoch:
            if verdict is not Verdict.NEW_REIGN or record.offset != self._epoch:
                raise Abandoned(f"offset {self._epoch} does not hold our EpochStarted")
            self._check_clock(record.at)
            self.done = True

    def _check_clock(self, broker_at: int) -> None:
        """Rule 4: a process whose clock is far from the broker's declines."""
        before, after = self._fenced_ms
        tolerance = self._env.limits.clock_tolerance_ms
        if not before - tolerance <= broker_at <= after + tolerance:
            ahead = before - broker_at if broker_at < before else after - broker_at
            raise ShardDeclined(
                f"Expected the clock of {self._env.host or 'this host'} within {tolerance} ms of the broker's for "
                "shard "
                f"{self._env.name}, but it is {abs(ahead)} ms {'ahead' if ahead > 0 else 'behind'}; synchronise the "
                "clocks (NTP)"
            )


def input_ends(env: Environment, inputs: Iterable[TopicPartition], fold: Fold) -> dict[TopicPartition, int]:
    """Return the ends of the inputs at take-over; rule 4.

    Raises:
        PositionLost: what is needed of one does not exist.
    """
    bounds = env.log.bounds(inputs)
    for where, (low, end) in bounds.items():
        needed = fold.position(where).next_offset
        if not low <= needed <= end:
            raise PositionLost(
                f"Expected shard {env.name} to read {where} from offset {needed} on, but it holds {low} to {end - 1}: "
                "the topic was shortened or made anew. Restore it, or give the namespace up and make a new one"
            )
    return {where: end for where, (_, end) in bounds.items()}
