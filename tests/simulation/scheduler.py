"""One thread, one seed: chance says who goes on. First with faults, then everything heals and must come to rest."""

from __future__ import annotations

from collections.abc import Callable

from headrace.shard.ports import PositionLost, TopicPartition
from tests.simulation import faults
from tests.simulation.checkers.journals import is_checkpoint
from tests.simulation.hosts import HostProcess
from tests.simulation.workers import WorkerProcess
from tests.simulation.world import ROLES, World

HEAL_ROUNDS = 8_000
"""Rounds within which everything must end that was begun; some hundreds are enough."""
QUIET_MS = 7_000
"""More than the time between two checkpoints: a fence that is there twice shows only when its owner writes again."""
IDLE_MS = 50
BUSY_MS = 10
TAKE_OVER_MS = 20_000
"""A shard that has lost its owner has another one, which has caught up, after so long at most."""
SCHEDULED_ROUNDS = 150
"""Rounds for which schedules go on once everything has healed, at 10 to 50 ms each."""
_RETRIES = 2
"""How often what has failed is retried once everything has healed, where there are operators."""
REST_MS = 30_000
"""For so long nothing may happen at the end."""


class NotAtRest(AssertionError):
    """The world goes on when it should not, or does not go on when it should."""


class Scheduler:
    """Moves a world. `open_workflows` tells which workflows have not ended, by the log."""

    def __init__(self, world: World, open_workflows: Callable[[], dict[str, str]], rounds: int) -> None:
        self.world = world
        self._open_workflows = open_workflows
        self._rounds = rounds
        self._seen: dict[tuple[str, int], int] = {}
        wanted = world.shape.faults
        kinds = {kind: weight for kind, weight in faults.FAULTS.items() if not wanted or kind.__name__ in wanted}
        self._fault_kinds, self._fault_weights = list(kinds), list(kinds.values())
        self._actions: list[Callable[[], object]] = [
            self._step_host,
            self._deliver,
            world.log.advance_snapshot,
            self._step_worker,
            lambda: faults.post(world),
            self._tick,
            world.relays.step,
            world.readers.step,
        ]
        self._weights = [40, 30, 25, 14, 10, 8, 3, 2]

    def run(self) -> None:
        """Trouble, healing, rest."""
        self._begin()
        self._trouble()
        self._heal()
        self._rest()

    def _begin(self) -> None:
        world, shape = self.world, self.world.shape
        for role in ROLES:
            for _ in range(shape.processes):
                world.start_host(role, faults.skew(world) if shape.fault_rate else 0)
            faults.rebalance(world, role)
        for at in range(shape.workers):
            world.start_worker(f"worker-{at}")
        world.clients.declare()

    def _trouble(self) -> None:
        world, shape, random = self.world, self.world.shape, self.world.random
        world.log.fault_rate = shape.delivery_fault_rate
        world.log.commit_fault_rate = 4 * shape.delivery_fault_rate
        starts = sorted(random.randrange(shape.actions) for _ in range(shape.starts))
        for at in range(shape.actions):
            while starts and starts[0] <= at:
                starts.pop(0)
                world.clients.start()
            world.schedulers.act()
            world.keepers.act()
            world.operators.act()
            if world.waiting.wants():
                world.waiting.act()
            elif random.random() < shape.fault_rate:
                random.choices(self._fault_kinds, self._fault_weights)[0](world)
            elif random.random() < shape.impatience and world.clients.started:
                ask = random.choice((world.clients.cancel, world.clients.terminate))
                ask(random.choice(world.clients.started))
            else:
                random.choices(self._actions, self._weights)[0]()

    # --- healing ----------------------------------------------------------------------------------------------------

    def _heal(self) -> None:
        """No new faults. Zombies wake up or are gone, what is in flight arrives, and every workflow must end."""
        world, random = self.world, self.world.random
        world.note("--- everything heals")
        world.log.fault_rate = world.log.commit_fault_rate = 0.0
        world.log.away = False
        world.code_versions[:] = world.code_versions[-1:]
        for process in list(world.hosts):
            if process.paused and random.random() < 0.5:
                world.end_host(process, "it never wakes up")
            process.paused = process.membership.late = False
        for role in ROLES:
            if not any(process.role.name == role for process in world.hosts):
                world.start_host(role)
            faults.rebalance(world, role)
        for worker in list(world.workers):
            worker.paused = False
            worker.cut_off_until = 0
        healed_at = world.clock.monotonic_ms()
        self._settle(self._all_ready, "every shard has an owner that has caught up")
        took_ms = world.clock.monotonic_ms() - healed_at
        if took_ms > TAKE_OVER_MS:
            raise NotAtRest(f"Expected every shard to have an owner within {TAKE_OVER_MS} ms, but it took {took_ms} ms")
        self._settle_commands()
        for _ in range(SCHEDULED_ROUNDS if world.shape.schedules else 0):
            self._go_round()
        world.schedulers.stop()
        self._settle_commands()
        self._settle(lambda: not self._unended(), "every workflow has ended")
        for _ in range(_RETRIES if world.shape.operators else 0):
            world.operators.retry_failed()
            self._settle_commands()
            self._settle(lambda: not self._unended(), "every workflow has ended that was retried")

    def _settle_commands(self) -> None:
        for _ in range(2):
            # Twice: what stood in the wrong partition has been sent on after the first time, and is decided then.
            ends = self._ends()
            self._settle(lambda: self._has_decided(ends), "everything is decided that was sent")  # noqa: B023

    def _settle(self, done: Callable[[], bool], what: str) -> None:
        for round_ in range(self._rounds):
            self._go_round()
            if round_ % 10 == 0 and done():
                return
        raise NotAtRest(f"Expected that {what} within {self._rounds} rounds, but: {self._open_workflows()}")

    def _go_round(self) -> bool:
        """Let everybody go on once, in an order that chance gives; when nobody did anything, time passes."""
        world, random = self.world, self.world.random
        self._keep_workers()
        worked = False
        order = list(world.hosts)
        random.shuffle(order)
        for process in order:
            worked |= self._step(process)
        for _ in range(random.randint(1, 8)):
            worked |= self._deliver()
        for _ in range(random.randint(1, 60)):
            worked |= world.log.advance_snapshot()
        if world.late and random.random() < 0.1:
            faults.arrive(world)
        for worker in list(world.workers):
            worked |= self._step_one(worker)
            while worker.outbox.letters and random.random() < 0.9:
                worker.outbox.post()
                worked = True
        if random.random() < 0.1:
            world.relays.step(newest=True)
            world.readers.step()
        world.clock.advance(BUSY_MS if worked else IDLE_MS)
        return worked

    def _keep_workers(self) -> None:
        """Somebody looks after the workers: one that is gone is started again."""
        world = self.world
        names = {worker.name for worker in world.workers}
        for at in range(world.shape.workers):
            if f"worker-{at}" not in names:
                world.start_worker(f"worker-{at}")

    def _ends(self) -> dict[TopicPartition, int]:
        """Return where the topics end."""
        return {where: entries[-1].offset + 1 for where, entries in self.world.log.archive.items() if entries}

    def _has_decided(self, ends: dict[TopicPartition, int]) -> bool:
        """Tell whether every shard has taken in its inputs up to there, and all that follows is in the log."""
        if not self._all_ready():
            return False
        for process in self.world.hosts:
            for shard in process.host.shards.values():
                if shard.fold is None or shard.in_flight:
                    return False
                if any(shard.fold.position(where).next_offset < ends.get(where, 0) for where in shard.needs()):
                    return False
        return True

    def _all_ready(self) -> bool:
        return all(process.ready() for process in self.world.hosts)

    def _unended(self) -> dict[str, str]:
        """Return what has not ended; what is stuck is terminated, and what is paused resumed, as a human would."""
        found = self._open_workflows()
        for workflow_id, status in found.items():
            if status == "STUCK":
                self.world.clients.terminate(workflow_id)
            elif status == "PAUSED":
                self.world.operators.resume(workflow_id)
        return found

    # --- rest -------------------------------------------------------------------------------------------------------

    def _rest(self) -> None:
        """Workers leave politely; then no journal may grow any more but by checkpoints."""
        world = self.world
        for worker in world.workers:
            worker.stop()
        for _ in range(self._rounds):
            for worker in [worker for worker in world.workers if worker.worker.done]:
                world.dismiss(worker)
            if not world.workers:
                break
            self._host_round()
            for worker in list(world.workers):
                self._step_one(worker)
                while worker.outbox.post() is not None:
                    continue
        else:
            raise NotAtRest("Expected the workers to stop, but they do not")
        world.note("--- workers are gone")
        while world.late:
            faults.arrive(world)
        self._quiet()
        until = world.clock.monotonic_ms() + REST_MS
        while world.clock.monotonic_ms() < until:
            self._host_round(4 * IDLE_MS)
        if self._decisions():
            raise NotAtRest("Expected no journal to grow at rest but by checkpoints, but one did")
        for _ in range(50):
            while world.relays.step(newest=True):
                continue
            world.clock.advance(50)
        world.readers.read_to_end()

    def _quiet(self) -> None:
        """Wait until nothing was decided for a while."""
        self._decisions()
        quiet = 0
        for _ in range(self._rounds):
            before = self.world.clock.monotonic_ms()
            self._host_round()
            quiet = 0 if self._decisions() else quiet + self.world.clock.monotonic_ms() - before
            if quiet > QUIET_MS:
                return
        raise NotAtRest("Expected everything to come to rest once the workers are gone, but it goes on")

    def _decisions(self) -> int:
        """Return how many records the journals have got since the last call, those of checkpoints aside."""
        count = 0
        for where in self.world.journals:
            entries = self.world.log.entries(*where)
            seen = self._seen.get(where, 0)
            count += sum(not is_checkpoint(entry) for entry in entries[seen:])
            self._seen[where] = len(entries)
        return count

    def _host_round(self, idle_ms: int = IDLE_MS) -> bool:
        worked = False
        for process in list(self.world.hosts):
            worked |= self._step(process)
        while self._deliver() or self.world.log.advance_snapshot():
            worked = True
        self.world.clock.advance(BUSY_MS if worked else idle_ms)
        return worked

    # --- what chance chooses from -----------------------------------------------------------------------------------

    def _step_host(self) -> bool:
        world = self.world
        if not world.hosts:
            return False
        return self._step(world.random.choice(world.hosts))

    def _step(self, process: HostProcess) -> bool:
        world = self.world
        worked = process.step(self._ended)
        if worked and process in world.hosts:
            for watch in world.watchers:
                watch(process)
        return worked

    def _ended(self, process: HostProcess, error: Exception) -> None:
        """A process ended by itself: it declined a shard, or found a position lost. Another one takes its place."""
        world = self.world
        world.end_host(process, repr(error))
        world.ended.append((process.name, error))
        world.start_host(process.role.name)
        faults.rebalance(world, process.role.name)

    def _deliver(self) -> bool:
        world = self.world
        if world.log.away:
            return False
        writers = world.log.writers()
        if not writers:
            return False
        world.log.deliver_from(world.random.choice(writers))
        return True

    def _step_worker(self) -> bool:
        world = self.world
        return bool(world.workers) and self._step_one(world.random.choice(world.workers))

    def _step_one(self, worker: WorkerProcess) -> bool:
        try:
            worked = worker.step()
            if worker.stopping and not (worker.dead or worker.paused) and worker.worker.done:
                self.world.dismiss(worker)
            return worked
        except PositionLost as error:
            if self.world.shape.journal_keep_ms:
                raise
            self.world.end_worker(worker, f"it was away for too long: {error}")
            return True

    def _tick(self) -> None:
        self.world.clock.advance(self.world.random.choice((1, 5, 20, 100)))
