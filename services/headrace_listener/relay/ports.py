"""What the relay needs to write: records and its own positions, all or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from headrace.contracts.message import Message
from headrace.shard.ports import TopicPartition
from headrace.shard.reader_rule import Position
from headrace_listener.outgoing import Outgoing


class Stored(NamedTuple):
    """What an earlier life has left: its positions, and further state in the order in which it was written."""

    positions: dict[TopicPartition, Position]
    state: list[Message]


class RelayOutput(Protocol):
    """A transactional writer. Making one fences every older one: from then on their transactions fail."""

    def stored(self) -> Stored:
        """Return what was written last. Raises `TransactionFailed` when it cannot be read now."""

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
