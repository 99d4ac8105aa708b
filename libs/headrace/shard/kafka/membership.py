"""`Membership` on Kafka: a consumer in a group that reads nothing; its partitions stand for the shards.

A member that cannot reach the coordinator for a session has lost its place, though perhaps nobody else is there to take
it: a broker dies, and with it the coordinator of the group, while the other brokers lead the journals on. So it keeps
what it has until it is told what it has in its next life in the group. Whoever has taken a shard over meanwhile has
begun a newer reign, and rules 2 and 6 tell the older owner so; safety never depended on the group.
"""

from __future__ import annotations

import time

import confluent_kafka
from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException

from headrace.contracts.topics import full_name
from headrace.runtime.settings import Settings
from headrace.shard.kafka.availability import Availability
from headrace.shard.kafka.error_codes import NO_MEMBER
from headrace.shard.kafka.options import member_options
from headrace.shard.roles import ShardRole

# The group tells a member that gets nothing so by silence.
_EMPTY_HANDED_S = 3.0
# librdkafka looks after the group when something wakes its thread, else once a second: heartbeats, and every step of a
# rebalance. Asking it anything wakes it; a shard that moves stands still for half a second less with each step.
_NUDGE_S = 0.1


class KafkaMembership:
    """This process in the group of its role."""

    def __init__(self, settings: Settings, role: ShardRole, availability: Availability) -> None:
        """Join the group at the first `poll`."""
        self.lost = False
        """Whether the group has lost us, so that what we have is not known."""
        self._topic = full_name(settings.namespace, role.group_topic)
        self._availability = availability
        self._shards: set[int] = set()
        self._told = False
        self._member_since: float | None = None
        self._nudge_at = 0.0
        self._asked: int | None = None
        self._answer: bool | None = None
        options = member_options(settings, role.name)
        self._consumer = Consumer({**options, "error_cb": availability.failed, "on_commit": self._committed})
        self._consumer.subscribe([self._topic], on_assign=self._given, on_revoke=self._taken, on_lost=self._gone)

    def poll(self) -> None:
        """Take part in the group; callbacks run here."""
        now = time.monotonic()
        if now >= self._nudge_at:
            self._nudge_at = now + _NUDGE_S
            self._consumer.assignment()
        message = self._consumer.poll(0)
        error = message.error() if message is not None else None
        if error is not None:
            self._availability.failed(error)

    def shards(self) -> frozenset[int]:
        """Return the shards that this process has, as far as it knows."""
        return frozenset(self._shards)

    def joined(self) -> bool:
        """Tell whether the group has given this process its part (which may be nothing)."""
        if self._told:
            return True
        if self._member_since is None and self._consumer.memberid():
            self._member_since = time.monotonic()
        return self._member_since is not None and time.monotonic() - self._member_since > _EMPTY_HANDED_S

    def confirm(self, shard: int) -> bool | None:
        """Tell whether the coordinator accepts an offset commit of ours; None while not known."""
        if self.lost:
            self._asked = self._answer = None
            return None
        if shard not in self._shards:
            return False
        if self._asked is None:
            self._ask(shard)
        elif self._answer is not None:
            answer, asked = self._answer, self._asked
            self._answer = self._asked = None
            return answer if asked == shard else None
        return None

    def close(self) -> None:
        """Leave the group, so that others take over at once."""
        self._consumer.close()

    def _ask(self, shard: int) -> None:
        try:
            # What is committed does not matter, only that this generation of the group may commit.
            self._consumer.commit(offsets=[confluent_kafka.TopicPartition(self._topic, shard, 0)], asynchronous=True)
        except KafkaException as error:
            self._availability.failed(error.args[0])
        else:
            self._asked = shard

    def _committed(self, error: KafkaError | None, partitions: list[confluent_kafka.TopicPartition]) -> None:
        errors = [problem for problem in (error, *(p.error for p in partitions)) if problem is not None]
        if not errors:
            self._answer = True
        elif any(problem.code() in NO_MEMBER for problem in errors):
            self._answer = False
        else:
            self._asked = None  # Kafka does not answer; ask again.

    def _given(self, consumer: Consumer, partitions: list[confluent_kafka.TopicPartition]) -> None:
        self._told = True
        if self.lost:
            self.lost = False
            self._shards.clear()  # A new life in the group: what it gives is all that we have.
        self._shards.update(p.partition for p in partitions)
        consumer.incremental_assign(
            [confluent_kafka.TopicPartition(p.topic, p.partition, OFFSET_END) for p in partitions]
        )
        consumer.pause(partitions)

    def _gone(self, consumer: Consumer, partitions: list[confluent_kafka.TopicPartition]) -> None:
        self.lost = True
        consumer.incremental_unassign(partitions)

    def _taken(self, consumer: Consumer, partitions: list[confluent_kafka.TopicPartition]) -> None:
        self._shards.difference_update(p.partition for p in partitions)
        consumer.incremental_unassign(partitions)
