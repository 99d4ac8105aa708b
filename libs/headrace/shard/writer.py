"""One reign: rules 4 to 6, from the end of the replay until the state is dropped.

A reign decides input after input in memory and appends what it decided without waiting: the acknowledgements come
later, in a bounded window. That is safe because every record names its epoch and its number n: when one of them does
not arrive, or somebody else writes between them, every reader stops at the hole, and so does the writer as soon as it
learns of it (rule 6). What it decided past the hole has never happened; the next reign decides it again, from the
inputs, which are still there.

Nothing here does I/O but `JournalWriter.append` and `poll`; time comes from the environment's clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping

from headrace.contracts.journal import InputMarked
from headrace.contracts.message import Message
from headrace.shard.arrivals import Arrival, Reached
from headrace.shard.clock import ReignClock
from headrace.shard.environment import Environment
from headrace.shard.errors import Abandoned, InputParked
from headrace.shard.fold import Fold
from headrace.shard.ports import JournalWriter, LogAway, TopicPartition
from headrace.shard.reader_rule import Position, Verdict, judge
from headrace.shard.recorder import Recorder, Unfit
from headrace.shard.window import Window


class Reign:
    """Decides, appends and watches the acknowledgements of one epoch."""

    def __init__(
        self,
        env: Environment,
        fold: Fold,
        writer: JournalWriter,
        *,
        epoch: int,
        ends: Mapping[TopicPartition, int],
        careful: bool,
    ) -> None:
        """Begin after a replay.

        `ends` are the ends of the inputs at take-over; `careful` marks inputs before they run.
        """
        self.caught_up = False
        self.epoch = epoch
        self._env = env
        self._fold = fold
        self._window = Window(writer, next_offset=epoch + 1, limit=env.limits.in_flight_records)
        self._recorder = Recorder(env, fold, self._window, epoch)
        self._time = ReignClock(env.clock, fold.last_at)
        self._addressed_as = env.role.addressees(env.shard)
        self._inbox: deque[Arrival | Reached] = deque()
        self._unreached = {where: end for where, end in ends.items() if fold.position(where).next_offset < end}
        self._announced: set[TopicPartition] = set()
        self._no_tick_before = 0
        self._was_away = False
        self._careful = careful
        self._marked: Arrival | None = None
        env.metrics.epoch = epoch

    # --- what the host asks and tells -----------------------------------------------------------------------------

    @property
    def fold(self) -> Fold:
        """Return what has been decided so far, acknowledged or not."""
        return self._fold

    @property
    def in_flight(self) -> int:
        """Return how many appends wait for their acknowledgement."""
        return len(self._window)

    @property
    def waits_for_acks(self) -> bool:
        """Tell whether nothing can be decided, or soon nothing can, before acknowledgements come."""
        return len(self._window) * 2 > self._env.limits.in_flight_records or (self._careful and self.in_flight > 0)

    @property
    def has_room(self) -> bool:
        """Tell whether the inbox takes more."""
        return len(self._inbox) < self._env.limits.inbox_records

    def offer(self, arrival: Arrival) -> None:
        """Take a record of an input; records of one partition come in order, perhaps some that were seen before."""
        self._inbox.append(arrival)

    def reached(self, assigned: Mapping[TopicPartition, int]) -> None:
        """Learn up to which offsets everything has been offered."""
        for partition, end in self._unreached.items():
            if assigned.get(partition, -1) >= end and partition not in self._announced:
                self._announced.add(partition)
                self._inbox.append(Reached(partition))

    def wait_ms(self) -> int | None:
        """Return how long nothing is to be done unless a record or an acknowledgement comes.

        None for as long as it takes.
        """
        if self._window.full or (self._careful and self.in_flight):
            return None
        at_work = self._inbox or self._marked is not None or (not self._unreached and not self.caught_up)
        if at_work or self._env.decider.has_pending(self._fold.state):
            return 0
        waits = []
        if self._recorder.progress_due is not None:
            waits.append(self._recorder.progress_due - self._env.clock.monotonic_ms())
        due_at = self._env.decider.due_at(self._fold.state) if self.caught_up else None
        if due_at is not None:
            waits.append(max(due_at, self._no_tick_before) - self._time.now_ms())
        return max(min(waits), 0) if waits else None

    # --- the loop ---------------------------------------------------------------------------------------------------

    def step(self) -> bool:
        """Do what can be done now; False when there was nothing.

        Raises:
            Abandoned: rule 6.
        """
        worked = self.take_acks(0)
        metrics = self._env.metrics
        metrics.inbox, metrics.in_flight, metrics.caught_up = len(self._inbox), len(self._window), self.caught_up
        if self._window.full:
            return worked
        if self._env.decider.has_pending(self._fold.state):
            return self._resume()
        if self._catch_up() or self._tick():
            return True
        decide = self._decide_carefully if self._careful else self._decide_inputs
        return decide() or self._recorder.record_progress(self._time.now_ms()) or worked

    def take_acks(self, wait_ms: int) -> bool:
        """Rule 6; see `Window`. Wait at most `wait_ms`."""
        return self._window.take_acks(wait_ms)

    def _catch_up(self) -> bool:
        """Rule 4: timers wait until the inputs have been decided that were there at take-over."""
        if self.caught_up or self._unreached or self._marked is not None:
            return False
        self.caught_up = True
        self._careful = False
        self._env.decider.taken_over(self._fold.state, self._time.now_ms())
        return True

    def _tick(self) -> bool:
        if not self.caught_up:
            return False
        due_at = self._env.decider.due_at(self._fold.state)
        now = self._time.now_ms()
        if due_at is None or now < max(due_at, self._no_tick_before) or not self._log_answers(now):
            return False
        if not self._decide_freely(now, lambda: self._env.decider.tick(self._fold.state, now)):
            # A timer that is due and does nothing must not spin.
            self._no_tick_before = now + self._env.limits.progress_delay_ms
        self._env.metrics.ticks += 1
        return True

    def _log_answers(self, now: int) -> bool:
        """Rule 4 again: while the log is away nobody is heard, which must not be taken for their silence."""
        if self._env.log.away:
            self._was_away = True
            try:
                self._env.log.bounds([self._env.journal])
            except LogAway:
                self._no_tick_before = now + self._env.limits.retry_ms
                return False
        if self._was_away:
            self._was_away = False
            self._env.decider.taken_over(self._fold.state, now)
        return True

    def _resume(self) -> bool:
        """Rule 5: the rest of a decision that was too large goes before any other input."""
        now = self._time.now_ms()
        resume = self._env.decider.resume
        yielded = self._decide_freely(
            now, lambda: resume(self._fold.state, now), stop_at_bytes=self._env.limits.seal_bytes
        )
        assert yielded, f"{self._env.name}: resume yielded nothing, but has_pending was true"
        return True

    def _decide_inputs(self) -> bool:
        """Rule 5: one or more inputs give one record."""
        if not self._inbox:
            return False
        now = self._time.now_ms()
        while self._inbox and not self._recorder.is_full:
            arrival = self._inbox.popleft()
            position = self._admit(arrival)
            if position is None:
                continue
            assert isinstance(arrival, Arrival)
            self._decide(arrival, position, now)
            if self._env.decider.has_pending(self._fold.state):
                break
        self._recorder.seal(now)
        return True

    # --- poison -----------------------------------------------------------------------------------------------------

    def _decide_carefully(self) -> bool:
        """One input at a time; its mark is in the log before it runs, and so is its outcome before the next."""
        if self.in_flight:
            return False
        now = self._time.now_ms()
        if self._marked is not None:
            arrival, self._marked = self._marked, None
            position = self._admit(arrival)
            assert position is not None, "a marked input was admitted before"
            self._decide(arrival, position, now)
            self._recorder.seal(now)
            return True
        while self._inbox:
            candidate = self._inbox.popleft()
            if self._admit(candidate) is not None:
                assert isinstance(candidate, Arrival)
                self._mark(candidate, now)
                return True
        return False

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
        self._recorder.mark(
            InputMarked(topic=partition.topic, partition=partition.partition, offset=offset, at=now),
        )
        self._recorder.seal(now)

    # --- deciding ---------------------------------------------------------------------------------------------------

    def _admit(self, arrival: Arrival | Reached) -> Position | None:
        """Return the position after an input that is to be decided; for anything else move past it and return None."""
        if isinstance(arrival, Reached):
            self._unreached.pop(arrival.partition, None)
            return None
        where, offset = arrival.partition, arrival.record.offset
        if not arrival.journal:
            return Position(offset) if offset > self._fold.position(where).offset else None
        verdict, position = judge(self._fold.position(where), offset, arrival.header)
        if verdict is Verdict.ACCEPT and self._addressed_as.get(where.topic) in arrival.to:
            return position
        if verdict is not Verdict.SEEN:
            self._env.metrics.records_skipped += 1
            self._recorder.move(where, position)
        return None

    def _decide(self, arrival: Arrival, position: Position, now: int) -> None:
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
                # The state has taken a part of the events already: only a new replay gives the state before them.
                env.refused[where] = unfit.error
                raise Abandoned(
                    f"the decision on {item.topic}[{item.partition}] offset {item.offset} broke: {unfit.error!r}"
                ) from unfit
        if error is not None:
            # An exception in decide is an event. What was yielded before it stands.
            failure = error
            env.metrics.inputs_failed += 1
            self._must_not_fail(lambda: env.decider.failed(state, item, failure, now))
            env.refused.pop(where, None)
        env.metrics.inputs_decided += 1
        self._recorder.decided(arrival.partition, position, command=not arrival.journal)

    def _decide_freely(self, now: int, make: Callable[[], Iterator[Message]], stop_at_bytes: int | None = None) -> bool:
        """Decide what no input asks for (a tick, the rest of a decision) into a record of its own.

        False if nothing came.
        """
        before = self._env.metrics.events
        self._recorder.begin(now)
        self._must_not_fail(make, stop_at_bytes)
        self._recorder.seal(now)
        return self._env.metrics.events > before

    def _must_not_fail(self, make: Callable[[], Iterator[Message]], stop_at_bytes: int | None = None) -> None:
        """Collect events where an exception is a programmer's error: it ends the process."""
        try:
            error = self._recorder.collect(make, stop_at_bytes)
        except Unfit as unfit:
            raise unfit.error from unfit
        if error is not None:
            raise error
