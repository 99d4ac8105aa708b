"""`RecordSource` over two consumers: one for what is waited for, one for journals in which nothing was for us lately.

A consumer has one request per broker under way, for all of its partitions, and every record in any of them answers it.
What is read only in case of need would therefore cost a request and a wake-up for each record of somebody else's work.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping

from headrace.shard.interest import Interest
from headrace.shard.kafka.source import KafkaSource
from headrace.shard.ports import Record, TopicPartition

# While nothing at all happens, looking costs more than all the rest of an idle process.
_IDLE_RESTS = 5


class TwoPaces:
    """Reads prompt topics as they come, and looks into the others every `rest_ms`, less often while nothing happens."""

    def __init__(
        self, prompt: KafkaSource, make_aside: Callable[[], KafkaSource], interest: Interest, rest_ms: int
    ) -> None:
        """Read everything promptly at first; the second source is made when it is first needed."""
        self._prompt = prompt
        self._make_aside = make_aside
        self._aside: KafkaSource | None = None
        self._interest = interest
        self._rest_s = self._shortest_s = rest_ms / 1000
        self._due_s = 0.0
        self._look_s = 0.0

    @property
    def aside(self) -> frozenset[str]:
        """Return the topics that are looked into only now and then."""
        return frozenset(self._interest.aside)

    def assign(self, starts: Mapping[TopicPartition, int]) -> None:
        """Read these partitions, too, each from this offset on; one that is being read moves there."""
        self._interest.assigned({where.topic for where in starts}, time.monotonic())
        for source, mine in self._by_source(starts):
            source.assign({where: starts[where] for where in mine})

    def drop(self, partitions: Iterable[TopicPartition]) -> None:
        """Read these partitions no more."""
        for source, mine in self._by_source(partitions):
            source.drop(mine)

    def assigned(self) -> Mapping[TopicPartition, int]:
        """Return the offset that is to be delivered next, by partition."""
        if self._aside is None:
            return self._prompt.assigned()
        return {**self._prompt.assigned(), **self._aside.assigned()}

    def heard(self, topic: str) -> None:
        """Read a topic promptly from now on: something in it was for the reader."""
        if self._interest.heard(topic, time.monotonic()) and self._aside is not None:
            _move(topic, self._aside, self._prompt)

    def poll(self, limit: int, wait_ms: int) -> list[Record]:
        """Return up to `limit` records; wait at most `wait_ms` for the first."""
        now = time.monotonic()
        if now >= self._look_s:
            self._look_s = now + self._interest.quiet_s / 4
            for topic in self._interest.fallen_quiet(now):
                self._aside = self._aside or self._make_aside()
                _move(topic, self._prompt, self._aside)
        if self._aside is None or not self._interest.aside:
            return self._prompt.poll(limit, wait_ms)
        rest_ms = max(self._due_s - now, 0.0) * 1000
        records = self._prompt.poll(limit, min(wait_ms, int(rest_ms) + 1) if wait_ms else 0)
        now = time.monotonic()
        if records:  # What follows from these may come back to us by way of a journal.
            self._rest_s = self._shortest_s
            self._due_s = min(self._due_s, now + self._rest_s)
        if now >= self._due_s and len(records) < limit:
            wanted = limit - len(records)
            found = self._aside.poll(wanted, 0)
            records += found
            self._rest_s = self._shortest_s if found else min(2 * self._rest_s, _IDLE_RESTS * self._shortest_s)
            # What has gathered for long is read without a rest.
            self._due_s = now if len(found) == wanted else now + self._rest_s
        return records

    def close(self) -> None:
        """Disconnect."""
        self._prompt.close()
        if self._aside is not None:
            self._aside.close()

    def _by_source(
        self, partitions: Iterable[TopicPartition]
    ) -> Iterable[tuple[KafkaSource, Collection[TopicPartition]]]:
        partitions = list(partitions)
        aside = [where for where in partitions if where.topic in self._interest.aside]
        if aside and self._aside is not None:
            yield self._aside, aside
        prompt = [where for where in partitions if where.topic not in self._interest.aside]
        if prompt:
            yield self._prompt, prompt


def _move(topic: str, out_of: KafkaSource, into: KafkaSource) -> None:
    moved = {where: offset for where, offset in out_of.assigned().items() if where.topic == topic}
    out_of.drop(moved)
    if moved:
        into.assign(moved)
