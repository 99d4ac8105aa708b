"""The positions of the projection, as Postgres keeps them beside the rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import psycopg

from headrace.shard.ports import PositionLost, TopicPartition
from headrace.shard.reader_rule import START, Position


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
