"""Poison: after several reigns that recorded nothing, inputs are decided one at a time, each marked before it runs."""

from __future__ import annotations

from headrace.contracts.journal import InputMarked
from headrace.shard.arrivals import Arrival
from headrace.shard.deciding import Deciding
from headrace.shard.environment import Environment
from headrace.shard.errors import InputParked
from headrace.shard.fold import Fold
from headrace.shard.inbox import Inbox
from headrace.shard.recorder import Recorder


class Careful:
    """Decides input by input: the mark is in the log before the input runs, and so is its outcome before the next."""

    def __init__(self, env: Environment, fold: Fold, recorder: Recorder, inbox: Inbox, deciding: Deciding) -> None:
        self._env = env
        self._fold = fold
        self._recorder = recorder
        self._inbox = inbox
        self._deciding = deciding
        self._marked: Arrival | None = None

    @property
    def has_marked(self) -> bool:
        """Tell whether an input is marked and has not run yet."""
        return self._marked is not None

    def step(self, now: int) -> bool:
        """Run the marked input, or mark the next. Only called with nothing in flight."""
        if self._marked is not None:
            arrival, self._marked = self._marked, None
            position = self._inbox.admit(arrival)
            assert position is not None, "a marked input was admitted before"
            self._deciding.decide(arrival, position, now)
            self._recorder.seal(now)
            return True
        taken = self._inbox.take()
        if taken is None:
            return False
        self._mark(taken[0], now)
        return True

    def _mark(self, arrival: Arrival, now: int) -> None:
        partition, offset = arrival.partition, arrival.record.offset
        self._marked = arrival
        times = self._fold.times_marked(partition, offset)
        if times >= self._env.limits.marks:
            self._env.refused[(*partition, offset)] = InputParked(
                f"Expected to decide {partition} offset {offset}, but the process ended {times} times while it did; "
                "parked"
            )
            return
        self._fold.mark(partition, offset)
        self._recorder.begin(now)
        self._recorder.mark(InputMarked(topic=partition.topic, partition=partition.partition, offset=offset, at=now))
        self._recorder.seal(now)
