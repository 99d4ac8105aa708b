"""Rule 7, afterwards: what every reader that counts has passed is deleted. Only called for a checkpoint that is known
to be committed.

Commands: nobody but their shard reads them, and the checkpoint has them in it. A journal is read by others: the other
deciders, who say how far their checkpoints have come (`followers.py`), and outsiders, to whom a time is promised
(`journal_keep_ms`). Its own owner needs it from the checkpoint's `EpochStarted` on.
"""

from __future__ import annotations

import logging

from headrace.contracts.journal import Checkpoint
from headrace.contracts.topics import is_journal, topic_specs
from headrace.shard.environment import Environment
from headrace.shard.followers import Followers
from headrace.shard.ports import LogAway, PositionLost, TopicPartition

_log = logging.getLogger("headrace.shard")


def deletable(
    checkpoint: Checkpoint, own: TopicPartition, commands: frozenset[TopicPartition]
) -> dict[TopicPartition, int]:
    """Return up to where the commands of a shard are in its checkpoint: the first offset that is still needed."""
    found = {}
    for position in checkpoint.positions:
        where = TopicPartition(position.topic, position.partition)
        if where in commands and where != own:
            found[where] = position.offset + 1
    return found


def journal_floor(own_checkpoint: int, passed: int, kept_from: int) -> int:
    """Return the first offset of a journal that somebody may still need.

    The owner's last checkpoint, the lowest position in the checkpoints of those who decide on it, and the first record
    that is young enough to be kept for everybody else: the lowest of the three.
    """
    return min(own_checkpoint, passed, kept_from)


class Deletion:
    """Deletes for one shard, in one reign."""

    def __init__(self, env: Environment, followers: Followers) -> None:
        self._env = env
        self._followers = followers
        self._next = env.clock.monotonic_ms()
        self._commands = frozenset(
            TopicPartition(spec.topic, env.shard)
            for spec in env.role.inputs
            if spec.own_partition_only and not is_journal(spec.topic) and _kept_for_ever(spec.topic)
        )

    def after(self, checkpoint: Checkpoint) -> None:
        """Begin to delete what a committed checkpoint makes superfluous. What fails is tried after a later one."""
        now = self._env.clock.monotonic_ms()
        if now < self._next:
            return
        self._next = now + self._env.limits.delete_every_ms
        journal = self._env.journal
        floors = deletable(checkpoint, journal, self._commands)
        try:
            oldest = min(checkpoint.epoch, self._followers.passed)
            if oldest > 0:
                kept_from = self._env.log.offset_at(
                    journal, self._env.clock.now_ms() - self._env.limits.journal_keep_ms
                )
                floors[journal] = journal_floor(checkpoint.epoch, self._followers.passed, kept_from)
            self._env.log.delete_before({where: offset for where, offset in floors.items() if offset > 0})
        except (LogAway, PositionLost) as error:
            _log.info("shard %s: nothing was deleted: %s", self._env.name, error)


def _kept_for_ever(topic: str) -> bool:
    """Tell whether only a checkpoint ends a topic's records; the others go by time, for diagnosis until then."""
    spec = topic_specs().get(topic)
    return spec is None or spec.retention_ms < 0
