"""One reign: rules 4 to 7, from the end of the replay until the state is dropped.

A reign decides input after input in memory and appends what it decided without waiting: the acknowledgements come
later, in a bounded window. That is safe because every record names its epoch and its number n: when one of them does
not arrive, or somebody else writes between them, every reader stops at the hole, and so does the writer as soon as it
learns of it (rule 6). What it decided past the hole has never happened; the next reign decides it again, from the
inputs, which are still there.

Nothing here does I/O but `JournalWriter.append` and `poll`, and what a checkpoint does (`checkpoint.py`); time comes
from the environment's clock.
"""

from __future__ import annotations

from collections.abc import Mapping

from headrace.shard.arrivals import Arrival
from headrace.shard.careful import Careful
from headrace.shard.checkpoint import Checkpoints
from headrace.shard.clock import ReignClock
from headrace.shard.deciding import Deciding
from headrace.shard.environment import Environment
from headrace.shard.fold import Fold
from headrace.shard.followers import Followers
from headrace.shard.inbox import Inbox
from headrace.shard.loading import Loading
from headrace.shard.ports import JournalWriter, LogAway, TopicPartition
from headrace.shard.recorder import Recorder
from headrace.shard.window import Window


class Reign:
    """Decides, appends and watches the acknowledgements of one reign: an epoch, and one more after each checkpoint."""

    def __init__(
        self,
        env: Environment,
        loaded: Loading,
        writer: JournalWriter,
        *,
        epoch: int,
        ends: Mapping[TopicPartition, int],
        careful: bool,
    ) -> None:
        """Begin after a replay.

        `loaded` has the snapshot's writer, and the fold, brought up to our own `EpochStarted`. `ends` are the ends of
        the inputs at take-over; `careful` marks inputs before they run.
        """
        self.caught_up = False
        self.epoch = epoch
        self._env = env
        fold = self._fold = loaded.fold
        self._window = Window(writer, next_offset=epoch + 1, limit=env.limits.in_flight_records)
        self._recorder = Recorder(env, fold, self._window, epoch)
        self._time = ReignClock(env.clock, fold.last_at)
        followers = Followers(env.journal, env.role.deciders(env.shard, ends))
        self._inbox = Inbox(env, fold, self._recorder, followers, ends)
        self._deciding = Deciding(env, fold, self._recorder)
        self._careful = Careful(env, fold, self._recorder, self._inbox, self._deciding) if careful else None
        self._checkpoints = Checkpoints(env, fold, self._window, loaded, followers, self._begin_epoch)
        self._no_tick_before = 0
        self._was_away = False
        env.metrics.epoch = epoch

    # --- what the host asks and tells -----------------------------------------------------------------------------

    @property
    def fold(self) -> Fold:
        """Return what has been decided so far, acknowledged or not."""
        return self._fold

    @property
    def checkpoints(self) -> Checkpoints:
        """Return what makes the reign's checkpoints."""
        return self._checkpoints

    @property
    def inbox(self) -> Inbox:
        """Return what waits to be decided."""
        return self._inbox

    @property
    def in_flight(self) -> int:
        """Return how many appends wait for their acknowledgement."""
        return len(self._window)

    @property
    def waits_for_acks(self) -> bool:
        """Tell whether nothing can be decided, or soon nothing can, before acknowledgements come."""
        if self._checkpoints.holds or (self._careful is not None and self.in_flight > 0):
            return True
        return len(self._window) * 2 > self._env.limits.in_flight_records

    def offer(self, arrival: Arrival) -> None:
        """Take a record of an input; records of one partition come in order, perhaps some that were seen before."""
        self._inbox.offer(arrival)

    def reached(self, assigned: Mapping[TopicPartition, int]) -> None:
        """Learn up to which offsets everything has been offered."""
        self._inbox.reached(assigned)

    def wait_ms(self) -> int | None:
        """Return how long nothing is to be done unless a record or an acknowledgement comes.

        None for as long as it takes.
        """
        checkpoint = self._checkpoints.wait_ms()
        if self._checkpoints.holds or self._window.full or (self._careful is not None and self.in_flight):
            return checkpoint if self._checkpoints.holds else None
        catching_up = self._inbox.at_take_over_done and not self.caught_up
        if len(self._inbox) or (self._careful is not None and self._careful.has_marked) or catching_up:
            return 0
        if self._env.decider.has_pending(self._fold.state):
            return 0
        waits = [] if checkpoint is None or not self._may_checkpoint else [checkpoint]
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
            Abandoned: rule 6, or a checkpoint in doubt.
        """
        worked = self.take_acks(0)
        metrics = self._env.metrics
        metrics.inbox, metrics.in_flight, metrics.caught_up = len(self._inbox), len(self._window), self.caught_up
        worked |= self._checkpoints.step(may_begin=self._may_checkpoint)
        if self._checkpoints.holds or self._window.full:
            return worked
        if self._env.decider.has_pending(self._fold.state):
            return self._resume()
        if self._catch_up() or self._tick():
            return True
        return self._decide_inputs() or self._recorder.record_progress(self._time.now_ms()) or worked

    def take_acks(self, wait_ms: int) -> bool:
        """Rule 6; see `Window`. Wait at most `wait_ms`."""
        return self._window.take_acks(wait_ms)

    def close(self) -> None:
        """Free what a checkpoint holds."""
        self._checkpoints.close()

    @property
    def _may_checkpoint(self) -> bool:
        """Tell whether a checkpoint may be made: not before something was decided, or an input that ends every reign
        would hide behind the checkpoints between.
        """
        return self._careful is None and (self.caught_up or self._recorder.n > 0)

    def _begin_epoch(self, epoch: int) -> None:
        """Rule 7: the fence of a checkpoint opens a new reign for every reader; ours goes on with the same state."""
        self.epoch = self._env.metrics.epoch = epoch
        self._recorder.begin_epoch(epoch)

    def _catch_up(self) -> bool:
        """Rule 4: timers wait until the inputs have been decided that were there at take-over."""
        if self.caught_up or not self._inbox.at_take_over_done:
            return False
        if self._careful is not None and self._careful.has_marked:
            return False
        self.caught_up = True
        self._careful = None
        self._env.decider.taken_over(self._fold.state, self._time.now_ms())
        return True

    def _tick(self) -> bool:
        if not self.caught_up:
            return False
        due_at = self._env.decider.due_at(self._fold.state)
        now = self._time.now_ms()
        if due_at is None or now < max(due_at, self._no_tick_before) or not self._log_answers(now):
            return False
        if not self._deciding.freely(now, lambda: self._env.decider.tick(self._fold.state, now)):
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
        yielded = self._deciding.freely(
            now, lambda: resume(self._fold.state, now), stop_at_bytes=self._env.limits.seal_bytes
        )
        assert yielded, f"{self._env.name}: resume yielded nothing, but has_pending was true"
        return True

    def _decide_inputs(self) -> bool:
        """Rule 5: one or more inputs give one record."""
        if not len(self._inbox) and self._careful is None:
            return False
        now = self._time.now_ms()
        if self._careful is not None:
            return not self.in_flight and self._careful.step(now)
        while not self._recorder.is_full and (taken := self._inbox.take()) is not None:
            self._deciding.decide(*taken, now)
            if self._env.decider.has_pending(self._fold.state):
                break
        self._recorder.seal(now)
        return True
