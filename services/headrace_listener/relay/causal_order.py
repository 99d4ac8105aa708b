"""In which order records of several journals go out: none before what it followed from.

The journals are read side by side, so a task's assignment (`task.journal`) may come in before the record of
`workflow.journal` that scheduled it. Each journal record says how far its shard had read its inputs (`positions`):
it waits here until the relay has passed those, too. That cannot lock up, since in the log's own order everything
stands after what it followed from.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping

import msgspec

from headrace.contracts.codec import Codec
from headrace.contracts.headers import journal_position
from headrace.contracts.journal import JournalRecord
from headrace.contracts.topics import is_journal
from headrace.shard.ports import Record, TopicPartition
from headrace.shard.reader_rule import Position, Verdict, judge


class Accepted(msgspec.Struct, frozen=True):
    """A record that the reader's rule accepts, and where its reader stands just before it."""

    record: Record
    message: JournalRecord
    before: Position


class CausalOrder:
    """Takes records as they are read and gives them back in an order that respects causes.

    `passed` is how far each partition has been given back, which is what the relay's positions are.
    """

    def __init__(self, codec: Codec, positions: Mapping[TopicPartition, Position]) -> None:
        self.passed: dict[TopicPartition, Position] = dict(positions)
        self._codec = codec
        self._read: dict[TopicPartition, Position] = dict(positions)
        self._queues: dict[TopicPartition, deque[Accepted]] = {where: deque() for where in positions}
        self._bytes = dict.fromkeys(positions, 0)

    def offer(self, record: Record) -> None:
        """Take a record, by the reader's rule.

        Raises:
            DecodeError: the rule accepts it, but it is no message: the journal is damaged.
        """
        where = TopicPartition(record.topic, record.partition)
        before = self._read[where]
        verdict, position = judge(before, record.offset, journal_position(record.headers))
        self._read[where] = position
        if verdict is Verdict.ACCEPT:
            message = self._codec.decode(record.value)
            assert isinstance(message, JournalRecord), f"{where} offset {record.offset} is no JournalRecord"
            self._queues[where].append(Accepted(record, message, before))
            self._bytes[where] += len(record.value)
        elif not self._queues[where]:
            self.passed[where] = position

    def ready(self) -> Iterator[Accepted]:
        """Yield what may go out now. What has been yielded counts as passed."""
        moved = True
        while moved:
            moved = False
            for where, queue in self._queues.items():
                while queue and self._causes_passed(queue[0].message):
                    accepted = queue.popleft()
                    self._bytes[where] -= len(accepted.record.value)
                    # What the rule skips after it (a new reign, a zombie's record) is passed with it: another
                    # journal may name such an offset as its cause, and would wait for ever.
                    self.passed[where] = queue[0].before if queue else self._read[where]
                    moved = True
                    yield accepted

    def waiting(self, where: TopicPartition) -> tuple[int, int]:
        """Return how many records of a partition wait, and how many bytes they have."""
        return len(self._queues[where]), self._bytes[where]

    def read(self, where: TopicPartition) -> Position:
        """Return how far a partition has been taken in."""
        return self._read[where]

    def _causes_passed(self, message: JournalRecord) -> bool:
        for cause in message.positions:
            if is_journal(cause.topic):
                passed = self.passed.get(TopicPartition(cause.topic, cause.partition))
                if passed is not None and passed.offset < cause.offset:
                    return False
        return True
