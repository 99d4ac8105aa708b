"""What a reign has been given and not decided yet, and what of it is to be decided at all."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from headrace.contracts.journal import EpochStarted
from headrace.shard.arrivals import Arrival, Reached
from headrace.shard.environment import Environment
from headrace.shard.fold import Fold
from headrace.shard.followers import Followers
from headrace.shard.ports import TopicPartition
from headrace.shard.reader_rule import Position, Verdict, judge
from headrace.shard.recorder import Recorder


class Inbox:
    """Records of the inputs, in order within a partition, perhaps some that were seen before."""

    def __init__(
        self,
        env: Environment,
        fold: Fold,
        recorder: Recorder,
        followers: Followers,
        ends: Mapping[TopicPartition, int],
    ) -> None:
        """Begin empty. `ends` are the ends of the inputs at take-over."""
        self._env = env
        self._fold = fold
        self._recorder = recorder
        self._followers = followers
        self._waiting: deque[Arrival | Reached] = deque()
        self._unreached = {where: end for where, end in ends.items() if fold.position(where).next_offset < end}
        self._announced: set[TopicPartition] = set()
        self._addressed_as = env.role.addressees(env.shard)

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def has_room(self) -> bool:
        """Tell whether more is taken."""
        return len(self._waiting) < self._env.limits.inbox_records

    @property
    def at_take_over_done(self) -> bool:
        """Tell whether everything has been taken out that the inputs held at take-over."""
        return not self._unreached

    def offer(self, arrival: Arrival) -> None:
        """Put a record in."""
        self._waiting.append(arrival)

    def reached(self, assigned: Mapping[TopicPartition, int]) -> None:
        """Learn up to which offsets everything has been offered."""
        for partition, end in self._unreached.items():
            if assigned.get(partition, -1) >= end and partition not in self._announced:
                self._announced.add(partition)
                self._waiting.append(Reached(partition))

    def next_offset(self, partition: TopicPartition) -> int:
        """Return the offset of a partition that has not been offered yet."""
        offered = [a.record.offset for a in self._waiting if isinstance(a, Arrival) and a.partition == partition]
        return max(self._fold.position(partition).offset, *offered, -1) + 1

    def take(self) -> tuple[Arrival, Position] | None:
        """Take out the next record that is to be decided, with the position after it; None when there is none.

        What is not to be decided is passed over: that moves the position only.
        """
        while self._waiting:
            arrival = self._waiting.popleft()
            if isinstance(arrival, Reached):
                self._unreached.pop(arrival.partition, None)
                continue
            position = self.admit(arrival)
            if position is not None:
                return arrival, position
        return None

    def admit(self, arrival: Arrival) -> Position | None:
        """Return the position after a record that is to be decided; for any other move past it and return None."""
        where, offset = arrival.partition, arrival.record.offset
        if not arrival.journal:
            return Position(offset) if offset > self._fold.position(where).offset else None
        verdict, position = judge(self._fold.position(where), offset, arrival.header)
        if verdict is Verdict.ACCEPT and self._addressed_as.get(where.topic) in arrival.to:
            return position
        if verdict is not Verdict.SEEN:
            self._env.metrics.records_skipped += 1
            self._recorder.move(where, position)
            if verdict is Verdict.NEW_REIGN:
                self._hear(arrival)
        return None

    def _hear(self, arrival: Arrival) -> None:
        """Rule 7: a decider says how far its checkpoints have come."""
        message = arrival.to_input(self._env.codec).message
        if isinstance(message, EpochStarted):
            self._followers.heard(arrival.partition, message)
