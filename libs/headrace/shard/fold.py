"""What a shard has folded out of its journal: the decider's state, and what the runtime itself must remember."""

from __future__ import annotations

from typing import Any, Self

from headrace.contracts.journal import Checkpoint, InputMarked, InputPosition, JournalRecord
from headrace.shard.decider import Decider
from headrace.shard.ports import TopicPartition
from headrace.shard.reader_rule import START, Position


class Fold:
    """The state at one point of a journal. Live decisions and replay change it through the same methods."""

    __slots__ = ("last_at", "marks", "positions", "state")

    def __init__(self, decider: Decider[Any]) -> None:
        self.state: Any = decider.initial()
        self.positions: dict[TopicPartition, Position] = {}
        self.marks: dict[TopicPartition, tuple[int, int]] = {}
        """The input that was marked last, by partition: its offset, and how often."""
        self.last_at = 0

    @classmethod
    def at_checkpoint(cls, state: Any, checkpoint: Checkpoint) -> Self:
        """Return what was folded up to a checkpoint's fence."""
        fold = cls.__new__(cls)
        fold.state = state
        fold.positions = {
            TopicPartition(moved.topic, moved.partition): Position(moved.offset, moved.epoch, moved.n)
            for moved in checkpoint.positions
        }
        fold.marks = {
            TopicPartition(marked.topic, marked.partition): (marked.offset, marked.times) for marked in checkpoint.marks
        }
        fold.last_at = checkpoint.last_at
        return fold

    def position(self, partition: TopicPartition) -> Position:
        """Return how far an input has been taken in."""
        return self.positions.get(partition, START)

    def apply(self, decider: Decider[Any], record: JournalRecord) -> None:
        """Replay one accepted record."""
        self.last_at = max(self.last_at, record.at)
        for event in record.events:
            if isinstance(event, InputMarked):
                self.mark(TopicPartition(event.topic, event.partition), event.offset)
            else:
                decider.evolve(self.state, event)
        for moved in record.positions:
            self.move(TopicPartition(moved.topic, moved.partition), Position(moved.offset, moved.epoch, moved.n))

    def move(self, partition: TopicPartition, position: Position) -> None:
        """Remember that an input was taken in."""
        self.positions[partition] = position
        if self.marks and partition in self.marks and position.offset >= self.marks[partition][0]:
            del self.marks[partition]

    def mark(self, partition: TopicPartition, offset: int) -> None:
        """Remember that an input is about to be decided."""
        known, times = self.marks.get(partition, (offset, 0))
        self.marks[partition] = (offset, times + 1 if known == offset else 1)

    def times_marked(self, partition: TopicPartition, offset: int) -> int:
        """Return how often an input was marked."""
        known, times = self.marks.get(partition, (-1, 0))
        return times if known == offset else 0


def input_position(partition: TopicPartition, position: Position) -> InputPosition:
    """Return a position as it stands in a journal record."""
    return InputPosition(
        topic=partition.topic,
        partition=partition.partition,
        offset=position.offset,
        epoch=position.epoch,
        n=position.n,
    )
