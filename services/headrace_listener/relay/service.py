"""The relay as a thread of the service: one process at a time is the relay, the others stand by.

Who it is, a consumer group decides (over the one partition of `listener.positions`). The group only elects: what
keeps two relays from writing both is the transactional id, by which the newer one fences the older.
"""

from __future__ import annotations

import logging
import threading

from headrace.contracts import topics
from headrace.runtime import metrics
from headrace.shard.clock import SystemClock
from headrace.shard.kafka import KafkaLog, KafkaMembership
from headrace.shard.ports import LogAway, TopicPartition
from headrace.shard.reader_rule import Position
from headrace.shard.roles import ShardRole
from headrace.shard.topic_guard import TopicGuard
from headrace_listener.context import ServiceContext
from headrace_listener.relay.kafka import KafkaOutput
from headrace_listener.relay.ports import Fenced, TransactionFailed
from headrace_listener.relay.relay import Relay
from headrace_listener.states import Progress

_log = logging.getLogger("headrace.relay")
_relayed = metrics.counter("headrace.relay.events", "Records written to the public topics")
NAME = "relay"


def _nothing_to_decide(shard: int) -> object:
    raise AssertionError(f"Expected the relay to run no shard, but it was asked for shard {shard}")


def relay_role() -> ShardRole:
    """Return the group that elects the relay."""
    return ShardRole(name=NAME, journal=topics.LISTENER_POSITIONS, inputs=(), decider_for=_nothing_to_decide)  # type: ignore[arg-type]


class RelayService:
    """Runs the relay while this process is elected, in the thread that calls `run`."""

    def __init__(self, context: ServiceContext, log: KafkaLog, progress: Progress) -> None:
        self.ready = threading.Event()
        """Set once this process knows its part: it relays, or somebody else does."""
        self._context = context
        self._limits = context.limits
        self._progress = progress
        self._clock = SystemClock()
        self._log = log
        self._guard = TopicGuard(self._log, topics.JOURNALS, context.namespace.topic_ids)
        self._next_check = 0
        self._membership = KafkaMembership(context.settings, relay_role(), context.availability)
        self._output: KafkaOutput | None = None
        self._relay: Relay | None = None

    def run(self, stop: threading.Event) -> None:
        """Relay, or stand by, until `stop`.

        Raises:
            PositionLost: a journal was deleted, made anew or shortened.
        """
        try:
            while not stop.is_set():
                self._membership.poll()
                if 0 in self._membership.shards():
                    self._step(stop)
                else:
                    self._end()
                    if self._membership.joined():
                        self.ready.set()
                    stop.wait(self._limits.idle_wait_ms / 1000 if self.ready.is_set() else 0.05)
        finally:
            self._end()
            self._membership.close()

    def _step(self, stop: threading.Event) -> None:
        try:
            self._check_topics()
            if self._relay is None:
                self._begin()
                return
            rest_ms = self._relay.rest_ms()
            if rest_ms and stop.wait(rest_ms / 1000):
                return
            before = self._relay.relayed
            self._relay.step(self._limits.idle_wait_ms)
            self._tell(self._relay.relayed - before)
        except Fenced:
            # The group may say otherwise for a moment; the transactional id is right.
            _log.warning("another process is the relay now; this one stands by")
            self._end()
            stop.wait(self._context.settings.session_timeout_ms / 1000)
        except (TransactionFailed, LogAway) as error:
            if not self._context.availability.away:
                _log.warning("the relay begins again where its last transaction ended: %s", error)
            self._progress.failed(str(error), self._clock.now_ms())
            self._end()
            stop.wait(self._limits.retry_pause_ms / 1000)

    def _begin(self) -> None:
        context = self._context
        self._output = KafkaOutput(context.settings, context.availability, context.codec, self._limits)
        namespace = context.settings.namespace
        self._relay = Relay(
            self._log, self._output, self._clock, codec=context.codec, namespace=namespace, limits=self._limits
        )
        _log.info("this process is the relay")
        self.ready.set()

    def _end(self) -> None:
        if self._relay is not None:
            self._relay.close()
        if self._output is not None:
            self._output.close()
        self._relay = self._output = None

    def _tell(self, relayed: int) -> None:
        assert self._relay is not None
        if relayed:
            _relayed.add(relayed)
            self._progress.handled(relayed)
        self._progress.at(_next_offsets(self._relay.positions()), self._relay.behind())

    def _check_topics(self) -> None:
        now = self._clock.monotonic_ms()
        if now >= self._next_check:
            self._next_check = now + self._limits.topic_check_ms
            self._guard.check()


def _next_offsets(positions: dict[TopicPartition, Position]) -> dict[str, int]:
    return {f"{where.topic}/{where.partition}": position.next_offset for where, position in positions.items()}
