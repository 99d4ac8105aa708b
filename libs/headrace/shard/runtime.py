"""One shard in one process, as a machine that is stepped: the rules in their order.

    FENCE --append--> FENCING --ack--> LOAD --snapshot--> REPLAY --own EpochStarted--> REIGN
      ^                  |               |                  |                            |
      |                  +---- rule 6 ---+------------------+----------------------------+
      |                                  v
      +-- random pause -- PAUSE <- yes - ASK (are we still in the group?)

Nothing blocks but look-ups, and nothing runs by itself: a service steps it in a loop, a simulation under a seeded
scheduler.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from enum import Enum

from headrace.shard.arrivals import Arrival
from headrace.shard.environment import Environment
from headrace.shard.errors import Abandoned
from headrace.shard.fence import announce, look_back
from headrace.shard.fold import Fold
from headrace.shard.loading import Loading
from headrace.shard.ports import JournalWriter, LogAway, Membership, PositionLost, SnapshotWriter, TopicPartition
from headrace.shard.recovery import Recovery, input_ends
from headrace.shard.writer import Reign

_log = logging.getLogger("headrace.shard")


class Phase(Enum):
    """Where a shard stands; see the module's text."""

    FENCE = "fence"
    FENCING = "fencing"
    LOAD = "load"
    REPLAY = "replay"
    REIGN = "reign"
    ASK = "ask"
    PAUSE = "pause"


class Shard:
    """Runs one shard for as long as the group leaves it here (rule 1)."""

    def __init__(self, env: Environment, membership: Membership) -> None:
        """Begin at rule 2 with the first step."""
        self.phase = Phase.FENCE
        self.assigned = False
        """Whether the host has begun to read this reign's inputs; the host sets it, and a new reign clears it."""
        self._env = env
        self._membership = membership
        self._writer: JournalWriter | None = None
        self._snapshots: SnapshotWriter | None = None
        self._loading: Loading | None = None
        self._recovery: Recovery | None = None
        self._reign: Reign | None = None
        self._epoch = -1
        self._idle_reigns = 0
        self._began_ms = 0
        self._fenced_ms = (0, 0)
        self._wait_until = 0

    # --- what the host asks and tells -----------------------------------------------------------------------------

    @property
    def env(self) -> Environment:
        """Return what the shard is run with."""
        return self._env

    @property
    def reign(self) -> Reign | None:
        """Return the reign while there is one."""
        return self._reign

    @property
    def fold(self) -> Fold | None:
        """Return what the reign has folded; None between reigns."""
        return self._reign.fold if self._reign else None

    @property
    def caught_up(self) -> bool:
        """Tell whether the shard has decided everything that waited when it was taken over."""
        return self._reign is not None and self._reign.caught_up

    @property
    def epoch(self) -> int:
        """Return the epoch of the reign; of the last one between reigns."""
        return self._reign.epoch if self._reign else self._epoch

    def needs(self) -> dict[TopicPartition, int]:
        """Return from where on a reign must read its inputs; empty outside of reigns."""
        if self._reign is None:
            return {}
        inbox = self._reign.inbox
        return {where: inbox.next_offset(where) for where in self._inputs()}

    def offer(self, arrival: Arrival) -> None:
        """Take a record of an input; outside of reigns it is read again later."""
        if self._reign is not None and self.assigned:
            self._reign.offer(arrival)

    def reached(self, assigned: Mapping[TopicPartition, int]) -> None:
        """Learn up to which offsets everything has been offered."""
        if self._reign is not None and self.assigned:
            self._reign.reached(assigned)

    def wait_ms(self) -> int | None:
        """Return how long nothing is to be done unless something comes in; None for as long as it takes."""
        if self.phase is Phase.REIGN and self._reign is not None:
            return self._reign.wait_ms()
        if self.phase in (Phase.FENCE, Phase.ASK, Phase.PAUSE):
            return max(self._wait_until - self._env.clock.monotonic_ms(), 0)
        if self.phase is Phase.LOAD:
            return self._env.limits.wait_recovery_ms
        return 0 if self.phase is Phase.REPLAY else None

    @property
    def in_flight(self) -> int:
        """Return how many acknowledgements are due."""
        return self._reign.in_flight if self._reign else int(self.phase is Phase.FENCING)

    @property
    def waits_for_acks(self) -> bool:
        """Tell whether the shard cannot go on, or soon cannot, before acknowledgements come."""
        return self._reign.waits_for_acks if self._reign else self.phase is Phase.FENCING

    # --- the machine ------------------------------------------------------------------------------------------------

    def step(self) -> bool:
        """Do what can be done now; False when there was nothing.

        Raises:
            ShardDeclined: this process must not run the shard.
            PositionLost: the journal or an input is not what it was.
        """
        if self._env.clock.monotonic_ms() < self._wait_until:
            return False
        try:
            match self.phase:
                case Phase.FENCE:
                    return self._fence()
                case Phase.FENCING:
                    return self._await_fence()
                case Phase.LOAD | Phase.REPLAY:
                    return self._recover()
                case Phase.REIGN:
                    assert self._reign is not None
                    return self._reign.step()
                case Phase.ASK:
                    return self._ask()
                case Phase.PAUSE:
                    self.phase = Phase.FENCE
                    return True
        except Abandoned as reason:
            self.abandon(str(reason))
            return True
        except LogAway:
            self._wait(self._env.limits.retry_ms)
            return False

    def abandon(self, reason: str) -> None:
        """Rule 6: drop everything that this process believes about the shard."""
        _log.warning("shard %s: reign %d is abandoned: %s", self._env.name, self.epoch, reason)
        self._env.metrics.abandoned += 1
        self.drop()
        self.phase = Phase.ASK

    def drop(self) -> None:
        """Free what is held; what is in flight may still reach the log, as a zombie's."""
        for part in (self._writer, self._snapshots, self._loading, self._recovery, self._reign):
            if part is not None:
                part.close()
        self._writer = self._snapshots = self._loading = self._recovery = self._reign = None
        self.assigned = False
        self._env.metrics.caught_up = False

    def superseded(self) -> bool:
        """Tell whether somebody else has begun a newer reign."""
        last = look_back(self._env.log, self._env.journal, self._env.codec)
        return last is not None and last.epoch > self.epoch

    def await_acks(self, wait_ms: int) -> None:
        """Wait for acknowledgements when nothing else can be done."""
        try:
            if self._reign is not None:
                self._reign.take_acks(wait_ms)
        except Abandoned as reason:
            self.abandon(str(reason))

    def drain(self, wait_ms: int) -> bool:
        """Take in acknowledgements, deciding nothing more; True once nothing is in flight."""
        if self._reign is None:
            return True
        try:
            self._reign.take_acks(wait_ms)
        except Abandoned as reason:
            _log.warning("shard %s: reign %d ends: %s", self._env.name, self.epoch, reason)
            return True
        return self._reign.in_flight == 0

    def _fence(self) -> bool:
        """Rule 2: look at the last `EpochStarted`, then append our own; its offset is the epoch."""
        self._env.check_topics()
        # A new decider for every reign: one may keep what no journal holds (running coroutines, say), and an abandoned
        # reign leaves that behind in a state that never was.
        self._env.decider = self._env.role.decider_for(self._env.shard)
        for event, error in self._env.unfit:
            self._env.decider.refuse(event, error)
        # They write and fence nothing yet, but connect while we look: so nothing waits for that later.
        self._writer = self._writer or self._env.log.writer(self._env.journal, self._env.name)
        self._snapshots = self._snapshots or self._env.log.snapshot_writer(self._env.snapshots, self._env.name)
        last = look_back(self._env.log, self._env.journal, self._env.codec)
        started, value, headers = announce(self._env, last)
        self._idle_reigns = started.idle_reigns
        self._began_ms = started.at
        self._writer.append(0, value, headers)
        self.phase = Phase.FENCING
        return True

    def _await_fence(self) -> bool:
        assert self._writer is not None
        for ack in self._writer.poll(0):
            if ack.error or ack.offset < 0:
                raise Abandoned(f"the EpochStarted was not acknowledged with an offset: {ack.error or 'no offset'}")
            self._epoch = ack.offset
            self._fenced_ms = (self._began_ms, self._env.clock.now_ms())
            assert self._snapshots is not None
            self._loading, self._snapshots = Loading(self._env, self._epoch, self._snapshots), None
            self.phase = Phase.LOAD
            return True
        return False

    def _recover(self) -> bool:
        """Rule 3. A position that is gone is no loss where somebody else has had the shard meanwhile."""
        try:
            return self._load() if self.phase is Phase.LOAD else self._replay()
        except PositionLost as error:
            if self.superseded():
                raise Abandoned(f"a newer reign has begun, and a position is gone: {error}") from error
            raise

    def _load(self) -> bool:
        """Rule 3: the writer of snapshots is fenced first, then the snapshot is loaded."""
        assert self._loading is not None
        worked = self._loading.step()
        if self._loading.done:
            self._recovery = Recovery(self._env, self._loading, self._epoch, self._fenced_ms)
            self.phase = Phase.REPLAY
        return worked

    def _replay(self) -> bool:
        """Rule 3, and the beginning of rule 4: the ends of the inputs at take-over."""
        assert self._recovery is not None
        assert self._loading is not None
        assert self._writer is not None
        if not self._recovery.done and not self._recovery.step():
            return False
        if not self._recovery.done:
            return True
        fold = self._loading.fold
        ends = input_ends(self._env, self._inputs(), fold)
        careful = self._idle_reigns >= self._env.limits.idle_reigns or bool(fold.marks)
        self._recovery.close()
        self._loading.close(keep_writer=True)
        self._reign = Reign(self._env, self._loading, self._writer, epoch=self._epoch, ends=ends, careful=careful)
        self._recovery = self._loading = None
        self._env.metrics.reigns += 1
        self.phase = Phase.REIGN
        _log.info("shard %s: reign %d begins%s", self._env.name, self._epoch, ", input by input" if careful else "")
        return True

    def _ask(self) -> bool:
        """Rule 6: only whom the group still has begins again, after a random pause."""
        ours = self._membership.confirm(self._env.shard)
        limits = self._env.limits
        if ours is None:
            self._wait(limits.wait_recovery_ms)
            return False
        if not ours:
            self._wait(limits.retry_ms)
            return False
        self._wait(self._env.random.randint(limits.pause_min_ms, limits.pause_max_ms))
        self.phase = Phase.PAUSE
        return True

    def _inputs(self) -> list[TopicPartition]:
        return self._env.role.input_partitions(self._env.shard, self._env.log)

    def _wait(self, for_ms: int) -> None:
        self._wait_until = self._env.clock.monotonic_ms() + for_ms
