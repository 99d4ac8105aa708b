"""The positions of the projection, as Postgres keeps them beside the rows."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping

import psycopg

from headrace.contracts.topics import is_journal
from headrace.shard.ports import LookUps, PositionLost, TopicPartition
from headrace.shard.reader_rule import START, Position

log = logging.getLogger(__name__)


class PositionStore:
    """Reads positions and makes missing ones; moving them on is the writer's, together with the rows."""

    def __init__(self, connection: psycopg.Connection, schema: str) -> None:
        self._connection = connection
        self._schema = schema

    def load(
        self, partitions: Iterable[TopicPartition], topic_ids: Mapping[str, str]
    ) -> dict[TopicPartition, Position]:
        """Return the position of every partition; one that is new stands before the first record.

        Raises:
            PositionLost: a topic has another id than the one whose records are in the rows.
        """
        wanted = list(partitions)
        with self._connection.transaction():
            for where in wanted:
                self._connection.execute(
                    f'INSERT INTO "{self._schema}".positions (topic, partition, topic_id, "offset", epoch, n, at, '
                    f"projected_at)"
                    " VALUES (%s, %s, %s, %s, %s, %s, 0, 0) ON CONFLICT DO NOTHING",
                    (where.topic, where.partition, topic_ids[where.topic], START.offset, START.epoch, START.n),
                )
        found: dict[TopicPartition, Position] = {}
        for topic, partition, topic_id, offset, epoch, n in self._connection.execute(
            f'SELECT topic, partition, topic_id, "offset", epoch, n FROM "{self._schema}".positions'
        ):
            if topic in topic_ids and topic_ids[topic] != topic_id:
                raise PositionLost(
                    f"Expected topic {topic} with id {topic_id}, whose records the read model holds up to offset "
                    f"{offset}, but it has id "
                    f"{topic_ids[topic]}: it was deleted and made anew. To build the read model from the new "
                    f"topics, drop the schema "
                    f"{self._schema} in Postgres and start again"
                )
            found[TopicPartition(topic, partition)] = Position(offset, epoch, n)
        return {where: found[where] for where in wanted}

    def checked(
        self, positions: Mapping[TopicPartition, Position], look_ups: LookUps, *, skip_deleted: bool
    ) -> dict[TopicPartition, Position]:
        """Return the positions if every journal still holds what follows them.

        With `skip_deleted`, a position before a journal's first record moves there; the reader's rule then goes on
        with the next reign.

        Raises:
            PositionLost: it does not; the text says what can be done.
        """
        found = dict(positions)
        for where, bounds in look_ups.bounds([where for where in positions if is_journal(where.topic)]).items():
            position = positions[where]
            if position.next_offset >= bounds.low:
                continue
            if not skip_deleted:
                raise PositionLost(
                    f"Expected {where} to hold its records from offset {position.next_offset} on, which are not in the "
                    f"read model yet, but it begins at {bounds.low}: older ones have been deleted. Restore a backup of "
                    f"Postgres that has come as far, or start once with HEADRACE_STATUS_SKIP_DELETED=1: the read "
                    "model then goes on with what the journals hold, without the workflows, or the parts of "
                    "workflows, that came before"
                )
            found[where] = self._skip(where, position, bounds.low - 1)
        return found

    def _skip(self, where: TopicPartition, position: Position, offset: int) -> Position:
        log.warning("%s from offset %d to %d was deleted and is left out", where, position.next_offset, offset)
        self._connection.execute(
            f'UPDATE "{self._schema}".positions SET "offset" = %s, epoch = %s, n = %s'
            ' WHERE topic = %s AND partition = %s AND "offset" = %s',
            (offset, START.epoch, START.n, where.topic, where.partition, position.offset),
        )
        return Position(offset, START.epoch, START.n)
