"""One decision at a time: what a decider yields goes into the record, and what it raises becomes an event."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from headrace.contracts.message import Message
from headrace.shard.arrivals import Arrival
from headrace.shard.environment import Environment
from headrace.shard.errors import Abandoned
from headrace.shard.fold import Fold
from headrace.shard.reader_rule import Position
from headrace.shard.recorder import Recorder, Unfit


class Deciding:
    """Asks the decider of one reign."""

    def __init__(self, env: Environment, fold: Fold, recorder: Recorder) -> None:
        self._env = env
        self._fold = fold
        self._recorder = recorder

    def decide(self, arrival: Arrival, position: Position, now: int) -> None:
        """Decide one input: its events and its position go into the same record."""
        env, state = self._env, self._fold.state
        item = arrival.to_input(env.codec)
        where = (item.topic, item.partition, item.offset)
        self._recorder.begin(now)
        error = env.refused.get(where)
        if error is None:
            try:
                error = self._recorder.collect(lambda: env.decider.decide(state, item, now))
            except Unfit as unfit:
                if not self._told(unfit):
                    env.refused[where] = unfit.error
                raise _broke(f"{item.topic}[{item.partition}] offset {item.offset}", unfit) from unfit
        if error is not None:
            # An exception in decide is an event. What was yielded before it stands.
            failure = error
            env.metrics.inputs_failed += 1
            try:
                self._must_not_fail(lambda: env.decider.failed(state, item, failure, now))
            except Unfit as unfit:
                raise unfit.error from unfit
            env.refused.pop(where, None)
        env.metrics.inputs_decided += 1
        self._recorder.decided(arrival.partition, position, command=not arrival.journal)

    def freely(self, now: int, make: Callable[[], Iterator[Message]], stop_at_bytes: int | None = None) -> bool:
        """Decide what no input asks for (a tick, the rest of a decision) into a record of its own.

        False if nothing came.
        """
        before = self._env.metrics.events
        self._recorder.begin(now)
        try:
            self._must_not_fail(make, stop_at_bytes)
        except Unfit as unfit:
            if not self._told(unfit):
                raise unfit.error from unfit
            raise _broke("a tick, or on the rest of a decision", unfit) from unfit
        self._recorder.seal(now)
        return self._env.metrics.events > before

    def _must_not_fail(self, make: Callable[[], Iterator[Message]], stop_at_bytes: int | None = None) -> None:
        """Collect events where an exception is a programmer's error: it ends the process."""
        error = self._recorder.collect(make, stop_at_bytes)
        if error is not None:
            raise error

    def _told(self, unfit: Unfit) -> bool:
        """Let the deciders of this reign and of those to come know of an event that could not be folded.

        False if that does not help.
        """
        if not self._env.decider.refuse(unfit.event, unfit.error):
            return False
        self._env.unfit.append((unfit.event, unfit.error))
        del self._env.unfit[: -self._env.limits.unfit_events]
        return True


def _broke(what: str, unfit: Unfit) -> Abandoned:
    """Return the end of a reign whose state has taken a part of a decision: only a replay gives the state before it."""
    return Abandoned(f"the decision on {what} broke: {unfit.error!r}")
