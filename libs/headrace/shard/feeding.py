"""Inputs for all shards of a process: each foreign journal is read once for all of them.

A shard that takes nothing, since its journal has no leader and its acknowledgements do not come, must not hold up the
others. After a while it gets a source of its own, which stands still with it, and goes back to the shared one as soon
as it has come as far.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from headrace.shard.arrivals import Arrival
from headrace.shard.limits import Limits
from headrace.shard.ports import Clock, Log, LogAway, PositionLost, Record, RecordSource, TopicPartition
from headrace.shard.roles import ShardRole
from headrace.shard.runtime import Shard

_log = logging.getLogger("headrace.shard")


class Feeder:
    """Reads inputs and offers each record to the shards that read its partition."""

    def __init__(self, role: ShardRole, log: Log, clock: Clock, limits: Limits, shards: Mapping[int, Shard]) -> None:
        """Feed `shards`, which change under it."""
        self._role = role
        self._log = log
        self._clock = clock
        self._limits = limits
        self._shards = shards
        self._own = {spec.topic for spec in role.inputs if spec.own_partition_only}
        self._rare = role.rare
        self._source = log.source(f"{role.name}-inputs", rare=self._rare)
        self._full_since: dict[int, int] = {}
        self._behind: dict[int, RecordSource] = {}
        """The sources of the shards that are behind, by shard."""

    def is_behind(self, number: int) -> bool:
        """Tell whether a shard is fed by a source of its own."""
        return number in self._behind

    def close(self) -> None:
        """Free the sources."""
        for source in (self._source, *self._behind.values()):
            source.close()
        self._behind.clear()

    def drop(self, numbers: list[int]) -> None:
        """Feed shards no more."""
        self._source.drop([where for where in self._source.assigned() if self._is_own(where, numbers)])
        for number in numbers:
            self._full_since.pop(number, None)
            if number in self._behind:
                self._behind.pop(number).close()

    def assign(self) -> bool:
        """Let the source read what new reigns need; it goes back where one of them is behind it."""
        starts: dict[TopicPartition, int] = {}
        assigned = self._source.assigned()
        for number, shard in self._shards.items():
            if shard.reign is None or shard.assigned:
                continue
            try:
                needs = shard.needs()
            except LogAway:
                continue
            if number in self._behind:  # it was, in a reign that is over
                self._behind.pop(number).close()
            for where, offset in needs.items():
                if where not in assigned or offset < assigned[where]:
                    starts[where] = min(offset, starts.get(where, offset))
            shard.assigned = True
        if starts:
            self._source.assign(starts)
        return bool(starts)

    def feed(self, wait_ms: int) -> bool:
        """Read what there is; wait at most `wait_ms` for it. False when nothing came.

        Raises:
            PositionLost: a position is gone, and nobody else has taken over.
        """
        worked = self._feed_behind()
        full = self._full()
        if full:
            # Nothing more is read before it has room again: what it waits for is acknowledgements.
            full[0].await_acks(wait_ms)
            return worked
        try:
            records = self._source.poll(self._limits.poll_records, wait_ms)
        except PositionLost as error:
            self._lost(self._source, self._together(), error)
            return True
        self._offer(records)
        for shard in self._together():
            shard.reached(self._source.assigned())
        return bool(records) or worked

    def _together(self) -> list[Shard]:
        return [shard for number, shard in self._shards.items() if number not in self._behind]

    def _offer(self, records: list[Record]) -> None:
        together = self._together()
        for record in records:
            arrival = Arrival(record)
            if record.topic in self._own:
                shard = self._shards.get(record.partition)
                if shard is not None:
                    shard.offer(arrival)
            else:
                if record.topic in self._rare and self._role.concerns(self._shards, record.topic, arrival.to):
                    self._source.heard(record.topic)
                for shard in together:
                    shard.offer(arrival)

    # --- shards that take nothing -----------------------------------------------------------------------------------

    def _full(self) -> list[Shard]:
        """Return the shards whose inbox is full. One that has been so for long is fed by itself from now on."""
        fed = {n: s for n, s in self._shards.items() if s.reign is not None and n not in self._behind}
        full = {n: s for n, s in fed.items() if s.reign is not None and not s.reign.inbox.has_room}
        if not full:
            self._full_since.clear()
            return []
        now = self._clock.monotonic_ms()
        self._full_since = {number: self._full_since.get(number, now) for number in full}
        if len(full) < len(fed):
            for number, since in self._full_since.items():
                if now - since >= self._limits.behind_ms and self._set_apart(number, full[number]):
                    del full[number]
        return list(full.values())

    def _set_apart(self, number: int, shard: Shard) -> bool:
        try:
            needs = shard.needs()
        except LogAway:
            return False
        _log.warning("shard %s takes nothing; the others go on without it", shard.env.name)
        self._source.drop([where for where in self._source.assigned() if self._is_own(where, [number])])
        self._behind[number] = self._log.source(f"{self._role.name}-inputs-{number}")
        self._behind[number].assign(needs)
        return True

    def _feed_behind(self) -> bool:
        worked = False
        for number, source in list(self._behind.items()):
            shard = self._shards.get(number)
            if shard is None or shard.reign is None or not shard.reign.inbox.has_room:
                continue
            try:
                records = source.poll(self._limits.poll_records, 0)
            except PositionLost as error:
                self._lost(source, [shard], error)
                continue
            for record in records:
                shard.offer(Arrival(record))
            shard.reached(source.assigned())
            worked = worked or bool(records)
            self._rejoin(number, shard, source)
        return worked

    def _rejoin(self, number: int, shard: Shard, source: RecordSource) -> None:
        """Feed a shard together with the others again, once it has come as far."""
        has, shared = source.assigned(), self._source.assigned()
        if any(has.get(where, 0) < offset for where, offset in shared.items() if where.topic not in self._own):
            return
        _log.info("shard %s has caught up with the others", shard.env.name)
        self._source.assign({where: offset for where, offset in has.items() if self._is_own(where, [number])})
        self._behind.pop(number).close()

    # --- positions that are gone ------------------------------------------------------------------------------------

    def _lost(self, source: RecordSource, readers: list[Shard], error: PositionLost) -> None:
        """A position is gone: perhaps since somebody else has the shard and went on without us; else stop loudly."""
        assigned = dict(source.assigned())
        try:
            bounds = self._log.bounds(assigned)
            gone = [where for where, (low, end) in bounds.items() if not low <= assigned[where] <= end]
            concerned = [shard for shard in readers if shard.reign is not None and self._reads_any(shard, gone)]
            if not all(shard.superseded() for shard in concerned):
                raise error
        except LogAway:
            return  # The source raises again.
        source.drop(gone)
        for shard in concerned:
            shard.abandon(f"a newer reign has begun, and a position is gone: {error}")

    def _reads_any(self, shard: Shard, partitions: list[TopicPartition]) -> bool:
        return any(where.topic not in self._own or where.partition == shard.env.shard for where in partitions)

    def _is_own(self, where: TopicPartition, numbers: list[int]) -> bool:
        return where.topic in self._own and where.partition in numbers
