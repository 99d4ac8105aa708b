"""What tells a decision shard from a dispatcher or a resource manager: its journal, its inputs and its decider."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

import msgspec

from headrace.contracts.topics import is_journal, snapshots_of
from headrace.shard.decider import Decider
from headrace.shard.ports import LookUps, TopicPartition


class InputSpec(msgspec.Struct, frozen=True):
    """One input topic of a role.

    Of a topic with `own_partition_only`, shard p reads partition p. Of a journal it takes only the records that are
    addressed to `addressee_prefix` and its number (`d3`).
    """

    topic: str
    own_partition_only: bool
    addressee_prefix: str = ""
    rare: bool = False
    """Whether most of it is for others, and the first record that is not may come some milliseconds late."""


class ShardRole(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of shard.

    `name` is also the name of the consumer group; the first own-partition input spreads the shards.
    """

    name: str
    journal: str
    inputs: tuple[InputSpec, ...]
    decider_for: Callable[[int], Decider[Any]]

    @property
    def group_topic(self) -> str:
        """Return the topic whose partitions stand for the shards in the consumer group."""
        return next((spec.topic for spec in self.inputs if spec.own_partition_only), self.journal)

    @property
    def topics(self) -> tuple[str, ...]:
        """Return every topic that a shard of this role reads or writes."""
        snapshots = (snapshots_of(self.journal),) if is_journal(self.journal) else ()
        return tuple(dict.fromkeys((self.journal, *snapshots, *(spec.topic for spec in self.inputs))))

    @property
    def rare(self) -> frozenset[str]:
        """Return the inputs that need not be read promptly as long as they hold nothing for these shards."""
        return frozenset(spec.topic for spec in self.inputs if spec.rare)

    def concerns(self, shards: Iterable[int], journal: str, addressees: Collection[str]) -> bool:
        """Tell whether a record of a journal is addressed to any of these shards."""
        prefixes = [spec.addressee_prefix for spec in self.inputs if spec.topic == journal]
        return any(f"{prefix}{shard}" in addressees for prefix in prefixes for shard in shards)

    def input_partitions(self, shard: int, log: LookUps) -> list[TopicPartition]:
        """Return what a shard reads."""
        found: list[TopicPartition] = []
        for spec in self.inputs:
            numbers = [shard] if spec.own_partition_only else range(log.partition_count(spec.topic))
            found.extend(TopicPartition(spec.topic, number) for number in numbers)
        return found

    def deciders(self, shard: int, inputs: Iterable[TopicPartition]) -> list[TopicPartition]:
        """Return the journals of those who decide on what a shard records.

        They are the journals among its inputs: deciders that read one another.
        """
        return [where for where in inputs if is_journal(where.topic)]

    def addressees(self, shard: int) -> dict[str, str]:
        """Return, for every journal among the inputs, as whom a shard is addressed there."""
        return {spec.topic: f"{spec.addressee_prefix}{shard}" for spec in self.inputs if is_journal(spec.topic)}
