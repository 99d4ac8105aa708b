"""What the relay needs to write: records and its own positions, all or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from headrace.shard.ports import TopicPartition
from headrace.shard.reader_rule import Position
from headrace_listener.outgoing import Outgoing


class RelayOutput(Protocol):
    """A transactional writer. Making one fences every older one: from then on their transactions fail."""

    def positions(self) -> dict[TopicPartition, Position]:
        """Return the positions that were written last. Raises `TransactionFailed` when they cannot be read now."""

    def write(self, records: Sequence[Outgoing], positions: Mapping[TopicPartition, Position]) -> None:
        """Write records and positions in one transaction.

        Raises:
            TransactionFailed: it is not known to have succeeded: read the positions again and go on there.
            Fenced: somebody else is the relay now.
        """

    def close(self) -> None:
        """Give up what is under way."""


class TransactionFailed(Exception):
    """A transaction failed, or nobody knows how it ended."""


class Fenced(Exception):
    """Another relay has taken over."""
