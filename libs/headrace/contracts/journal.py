"""The records of a journal. Field docs: the schemas of the same names."""

from __future__ import annotations

import msgspec

from headrace.contracts.message import Message


class InputPosition(Message, frozen=True, kw_only=True):
    """How far a shard has read one of its inputs."""

    topic: str
    partition: int
    offset: int
    epoch: int = -1
    n: int = -1


class EpochStarted(Message, frozen=True, kw_only=True):
    """A process took over a shard; the record's offset is the epoch of its reign."""

    code_version: int
    process: str
    host: str = ""
    idle_reigns: int = 1
    checkpoint: bool = False
    at: int
    positions: list[InputPosition] = msgspec.field(default_factory=list)


class JournalRecord(Message, frozen=True, kw_only=True):
    """One atomic decision of a shard: one or more inputs, and the events that follow from them."""

    epoch: int
    n: int
    at: int
    positions: list[InputPosition]
    events: list[Message]


class InputMarked(Message, frozen=True, kw_only=True):
    """The shard runtime is about to decide an input that may have ended earlier reigns."""

    topic: str
    partition: int
    offset: int
    at: int


class MarkedInput(Message, frozen=True, kw_only=True):
    """An input that was marked before it was decided, and was not passed since."""

    topic: str
    partition: int
    offset: int
    times: int


class Checkpoint(Message, frozen=True, kw_only=True):
    """What a snapshot describes: the state of a shard at an `EpochStarted` of its journal."""

    epoch: int
    code_version: int
    process: str
    last_at: int
    positions: list[InputPosition]
    marks: list[MarkedInput] = msgspec.field(default_factory=list)
    at: int
