"""The relay's positions as records of `listener.positions`."""

from __future__ import annotations

from collections.abc import Iterable

from headrace.contracts import topics
from headrace.contracts.codec import Codec
from headrace.contracts.positions import ReaderPosition
from headrace.shard.ports import TopicPartition
from headrace.shard.reader_rule import Position
from headrace_listener.outgoing import Outgoing

READER = "relay"
"""The relay's name in `listener.positions`."""


def position_record(codec: Codec, where: TopicPartition, position: Position) -> Outgoing:
    """Return the record that holds a position."""
    message = ReaderPosition(
        reader=READER,
        topic=where.topic,
        partition=where.partition,
        offset=position.offset,
        epoch=position.epoch,
        n=position.n,
    )
    key = f"{READER}/{where.topic}/{where.partition}".encode()
    return Outgoing(topic=topics.LISTENER_POSITIONS, key=key, value=codec.encode(message), headers=[])


def positions_of(messages: Iterable[ReaderPosition]) -> dict[TopicPartition, Position]:
    """Return the last position of each partition."""
    return {
        TopicPartition(message.topic, message.partition): Position(message.offset, message.epoch, message.n)
        for message in messages
        if message.reader == READER
    }
