"""All shards that the group gives to one process, on one thread: each foreign journal is read once for all of them."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping
from random import Random

from headrace.contracts.codec import Codec
from headrace.shard.environment import Environment, ShardMetrics
from headrace.shard.feeding import Feeder
from headrace.shard.limits import Limits
from headrace.shard.ports import Clock, Log, LogAway, Membership
from headrace.shard.roles import ShardRole
from headrace.shard.runtime import Shard
from headrace.shard.topic_guard import TopicGuard

_log = logging.getLogger("headrace.shard")


class ShardHost:
    """Steps shards and feeds them; the loop around it waits for as long as `wait_ms` says."""

    def __init__(
        self,
        role: ShardRole,
        log: Log,
        membership: Membership,
        clock: Clock,
        *,
        codec: Codec | None = None,
        limits: Limits | None = None,
        random: Random | None = None,
        process: str = "",
        topic_ids: Mapping[str, str] | None = None,
    ) -> None:
        """Host shards of one role. `topic_ids` are the recorded ones; without them those of this moment are taken."""
        self.shards: dict[int, Shard] = {}
        self.metrics: dict[int, ShardMetrics] = {}
        self._role = role
        self._log = log
        self._membership = membership
        self._clock = clock
        self._codec = codec or Codec()
        self._limits = limits or Limits()
        self._random = random or Random()
        self._process = process or f"{role.name}@{socket.gethostname()}:{os.getpid()}"
        self._guard = TopicGuard(log, role.topics, topic_ids)
        self._next_check = clock.monotonic_ms() + self._limits.topic_check_ms
        self._feeder = Feeder(role, log, clock, self._limits, self.shards)
        self._quiet_rounds = 0

    def step(self, *, wait: bool = False) -> bool:
        """Go round once; with `wait`, wait for input when there is nothing else to do. False when nothing happened.

        Raises:
            ShardDeclined: this process must not run one of its shards.
            PositionLost: a topic is not what it was, and nobody else has taken over.
        """
        self._membership.poll()
        worked = self._take_and_give_back()
        self._check_topics()
        for shard in list(self.shards.values()):
            worked |= shard.step()
        worked |= self._feeder.assign()
        worked = self._feeder.feed(self._wait_ms() if wait else 0) or worked
        self._quiet_rounds = 0 if worked else self._quiet_rounds + 1
        return worked

    def ready(self) -> bool:
        """Tell whether the group has given us our part and all of it has caught up."""
        wanted = self._membership.shards()
        return self._membership.joined() and all(
            number in self.shards and self.shards[number].caught_up for number in wanted
        )

    def retire(self) -> None:
        """Stop politely: decide nothing more, and wait for the acknowledgements that are due."""
        self._give_back(list(self.shards), self._limits.drain_ms)
        self._feeder.close()

    # --- the parts of a step --------------------------------------------------------------------------------------

    def _take_and_give_back(self) -> bool:
        """Rule 1: the group spreads the work; safety does not depend on it."""
        wanted = self._membership.shards()
        lost = [number for number in self.shards if number not in wanted]
        self._give_back(lost, self._limits.drain_lost_ms)
        new = sorted(wanted - self.shards.keys())
        for number in new:
            self.shards[number] = Shard(self._environment(number), self._membership)
        return bool(lost or new)

    def _give_back(self, numbers: list[int], drain_ms: int) -> None:
        """Stop running shards; what is in flight then is decided again by the next owner."""
        given = [self.shards.pop(number) for number in numbers]
        waiting = [shard for shard in given if not shard.drain(0)]
        for _ in range(drain_ms // self._limits.wait_drain_ms):
            if not waiting:
                break
            waiting[0].drain(self._limits.wait_drain_ms)
            waiting = [shard for shard in waiting if not shard.drain(0)]
        for shard in given:
            shard.drop()
            _log.info("shard %s is given back", shard.env.name)
        self._feeder.drop(numbers)

    def _wait_ms(self) -> int:
        waits = [self._limits.wait_max_ms]
        for number, shard in self.shards.items():
            if shard.in_flight:
                # After many rounds without an answer Kafka is away: there is no hurry, and no reason to spin. Nor is
                # there while nothing waits for the answers, or the others go on without them.
                away = self._quiet_rounds > self._limits.patient_rounds or self._feeder.is_behind(number)
                patient = away or not shard.waits_for_acks
                waits.append(self._limits.wait_recovery_ms if patient else self._limits.wait_in_flight_ms)
            wait = shard.wait_ms()
            if wait is not None:
                waits.append(wait)
        return min(waits)

    def _check_topics(self) -> None:
        if self._clock.monotonic_ms() < self._next_check:
            return
        self._next_check = self._clock.monotonic_ms() + self._limits.topic_check_ms
        try:
            self._guard.check()
        except LogAway:
            return  # Nothing is known; the next check comes.

    def _environment(self, number: int) -> Environment:
        self.metrics.setdefault(number, ShardMetrics())
        return Environment(
            role=self._role,
            shard=number,
            decider=self._role.decider_for(number),
            log=self._log,
            clock=self._clock,
            codec=self._codec,
            limits=self._limits,
            random=self._random,
            process=self._process,
            host=socket.gethostname(),
            metrics=self.metrics[number],
            check_topics=self._guard.check,
        )
