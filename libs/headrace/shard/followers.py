"""How far the checkpoints of those deciders have come that read our journal; learnt from their own journals.

Every `EpochStarted` says which positions its shard's last committed checkpoint had in its inputs. Whoever decides on
our journal writes a journal that we read, too (`schemas/topics.yaml`; a test holds the roles against it), so nobody
must be asked. A position of a committed checkpoint never goes back, and a zombie's `EpochStarted` can only say an
older one.
"""

from __future__ import annotations

from collections.abc import Iterable

from headrace.contracts.journal import EpochStarted
from headrace.shard.ports import TopicPartition


class Followers:
    """The deciders that read one journal, by their own journals."""

    def __init__(self, journal: TopicPartition, deciders: Iterable[TopicPartition]) -> None:
        """Begin without knowing anything: all of the journal may still be needed."""
        self._journal = journal
        self._passed: dict[TopicPartition, int] = dict.fromkeys(deciders, 0)

    def heard(self, decider: TopicPartition, started: EpochStarted) -> None:
        """Take in an `EpochStarted` of a decider."""
        for position in started.positions:
            if (position.topic, position.partition) == self._journal and decider in self._passed:
                self._passed[decider] = max(self._passed[decider], position.offset + 1)

    @property
    def passed(self) -> int:
        """Return the offset before which no decider needs the journal any more."""
        return min(self._passed.values(), default=0)
