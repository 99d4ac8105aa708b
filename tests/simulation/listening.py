"""The relay, one life after the other; an old one may wake up while a newer one is at work."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from headrace.contracts.codec import Codec
from headrace.runtime.listener_settings import ListenerSettings
from headrace.shard.clock import ManualClock
from headrace.shard.ports import LogAway, PositionLost
from headrace_listener.relay.memory import MemoryOutput, Outcome
from headrace_listener.relay.ports import Fenced, TransactionFailed
from headrace_listener.relay.relay import Relay
from tests.simulation.broker import SimLog

_LIMITS = ListenerSettings(transaction_pause_ms=50, transaction_events=20, position_pause_ms=1_000, partition_queue=50)


class Relays:
    """All relays that were ever begun and have not ended."""

    def __init__(self, log: SimLog, clock: ManualClock, random: Random, note: Callable[[str], None]) -> None:
        self.alive: list[Relay] = []
        self.lost: PositionLost | None = None
        """Set once a relay has found that it was away for too long."""
        self._log = log
        self._clock = clock
        self._random = random
        self._note = note
        self._fence: list[int] = []

    def begin(self) -> None:
        """Begin a new life; those before it are fenced, but may not know."""
        if self._log.away:
            return
        output = MemoryOutput(self._log, self._fence, self._outcome)
        try:
            self.alive.append(Relay(self._log, output, self._clock, codec=Codec(), namespace="sim", limits=_LIMITS))
        except (LogAway, TransactionFailed):
            return
        except PositionLost as error:
            self.lost = error

    def step(self, *, newest: bool = False) -> bool:
        """Step one of them; one that fails ends."""
        if self.lost is not None:
            return False
        if not self.alive:
            self.begin()
            return True
        relay = self.alive[-1] if newest else self._random.choice(self.alive)
        try:
            return relay.step()
        except PositionLost as error:
            self.lost = error
            self.alive.remove(relay)
            return True
        except (TransactionFailed, Fenced, LogAway) as error:
            self._note(f"a relay ends: {error!r}")
            self.alive.remove(relay)
            return True

    def _outcome(self) -> Outcome:
        if self._random.random() >= self._log.fault_rate:
            return Outcome.COMMITTED
        return self._random.choice((Outcome.ABORTED, Outcome.UNREPORTED))
