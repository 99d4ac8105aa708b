"""The relay's positions, and what else it must know in its next life, as records of `listener.positions`."""

from __future__ import annotations

from collections.abc import Iterable

from headrace.contracts import topics
from headrace.contracts.codec import Codec
from headrace.contracts.message import Message
from headrace.contracts.positions import ReaderPosition
from headrace.shard.ports import TopicPartition
from headrace.shard.reader_rule import Position
from headrace_listener.outgoing import Outgoing
from headrace_listener.relay.ports import Stored

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


def state_record(codec: Codec, key: bytes, message: Message | None) -> Outgoing:
    """Return the record that holds a piece of state, or says that it is over."""
    value = None if message is None else codec.encode(message)
    return Outgoing(topic=topics.LISTENER_POSITIONS, key=key, value=value, headers=[])


def stored_in(codec: Codec, records: Iterable[tuple[bytes, bytes | None]]) -> Stored:
    """Return what stands in the topic, from its records' keys and values in order: the last one of each key holds."""
    latest: dict[bytes, bytes] = {}
    for key, value in records:
        latest.pop(key, None)
        if value:
            latest[key] = value
    messages = [codec.decode(value) for value in latest.values()]
    positions = {
        TopicPartition(message.topic, message.partition): Position(message.offset, message.epoch, message.n)
        for message in messages
        if isinstance(message, ReaderPosition) and message.reader == READER
    }
    return Stored(positions, [message for message in messages if not isinstance(message, ReaderPosition)])
