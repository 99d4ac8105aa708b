"""What one shard is run with, and what it counts."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import msgspec

from headrace.contracts.codec import Codec
from headrace.contracts.message import Message
from headrace.contracts.topics import snapshots_of
from headrace.shard.decider import Decider
from headrace.shard.limits import Limits
from headrace.shard.ports import Clock, Log, TopicPartition
from headrace.shard.roles import ShardRole


class ShardMetrics(msgspec.Struct):
    """Counters of one shard in this process; whoever wants them reads them."""

    reigns: int = 0
    abandoned: int = 0
    records: int = 0
    record_bytes: int = 0
    events: int = 0
    inputs_decided: int = 0
    inputs_failed: int = 0
    records_skipped: int = 0
    ticks: int = 0
    in_flight: int = 0
    inbox: int = 0
    caught_up: bool = False
    epoch: int = -1
    replayed: int = 0
    replayed_events: int = 0
    """By the last recovery; what was replayed before is not in it."""
    replayed_bytes: int = 0
    checkpoints: int = 0
    checkpoint_entries: int = 0
    """Changes in the last checkpoint."""
    checkpoint_stall_ms: int = 0
    """For how long the last checkpoint kept the shard from deciding."""


class Environment(msgspec.Struct, kw_only=True):
    """The surroundings of one shard: shared by its reigns in this process."""

    role: ShardRole
    shard: int
    decider: Decider[Any]
    log: Log
    clock: Clock
    codec: Codec
    limits: Limits
    random: Random
    process: str
    host: str
    metrics: ShardMetrics
    check_topics: Callable[[], None]
    """Raises `PositionLost` when a topic is not the one that was recorded."""
    refused: dict[tuple[str, int, int], Exception] = msgspec.field(default_factory=dict)
    """Inputs whose decision broke a rule, so that the reign was abandoned: next time they go to `failed`.

    By position.
    """

    unfit: list[tuple[Message, Exception]] = msgspec.field(default_factory=list)
    """Events that could not be folded, so that the reign was abandoned: every later decider is told (`refuse`)."""

    @property
    def journal(self) -> TopicPartition:
        """Return the partition that the shard writes."""
        return TopicPartition(self.role.journal, self.shard)

    @property
    def snapshots(self) -> TopicPartition:
        """Return the partition that holds the shard's checkpoints."""
        return TopicPartition(snapshots_of(self.role.journal), self.shard)

    @property
    def name(self) -> str:
        """Return the shard's name, for people."""
        return f"{self.role.name}-{self.shard}"
