"""What goes wrong: one function each, and the table of them with how often each is chosen among faults."""

from __future__ import annotations

from collections.abc import Callable

from tests.simulation.hosts import HostProcess
from tests.simulation.workers import is_result
from tests.simulation.world import ROLES, World

_MAX_SKEW_MS = 50_000
"""A clock further off is declined by the shard runtime; see `clock_tolerance_ms`."""


def crash(world: World) -> None:
    """A host process ends; another may or may not begin at once."""
    process = _host(world)
    if process is not None:
        world.end_host(process, "crash")
        if world.random.random() < 0.7:
            world.start_host(process.role.name, skew(world))


def begin(world: World) -> None:
    """One more process; the group gives it some shards."""
    role = world.random.choice(ROLES)
    if sum(process.role.name == role for process in world.hosts) < world.shape.processes + 1:
        world.start_host(role, skew(world))
        rebalance(world, role)


def pause(world: World) -> None:
    """A process stands still; the group may take its shards meanwhile."""
    process = _host(world)
    if process is not None:
        process.paused = True
        world.note(f"{process.name} pauses")
        if world.random.random() < 0.8:
            rebalance(world, process.role.name)


def wake(world: World) -> None:
    """A process that stood still goes on, as a zombie where others have its shards now."""
    sleeping = [process for process in world.hosts if process.paused]
    if sleeping:
        process = world.random.choice(sleeping)
        process.paused = False
        world.note(f"{process.name} wakes up")


def late_news(world: World) -> None:
    """A process does not hear of the group for a while, and goes on with shards that others have by now."""
    process = _host(world)
    if process is not None:
        process.membership.late = True
        world.note(f"{process.name} hears nothing of its group")
        rebalance(world, process.role.name)


def news(world: World) -> None:
    """Such a process hears of its group again."""
    for process in world.hosts:
        process.membership.late = False


def steal(world: World) -> None:
    """The group gives shards to others, for no reason."""
    rebalance(world, world.random.choice(ROLES))


def log_away(world: World) -> None:
    """The log does not answer for a while."""
    world.log.away = not world.log.away
    world.note("the log is away" if world.log.away else "the log is back")


def jump(world: World) -> None:
    """A process's clock is set, forward or back."""
    process = _host(world)
    if process is not None:
        process.clock.skew_ms = skew(world)
        world.note(f"the clock of {process.name} is off by {process.clock.skew_ms:+} ms")


def lose_time(world: World) -> None:
    """Nothing happens for long."""
    world.clock.advance(world.random.choice((1_000, 3_000, 10_000)))


def worker_crash(world: World) -> None:
    """A worker ends, and perhaps comes back under its name."""
    if world.workers:
        worker = world.random.choice(world.workers)
        world.end_worker(worker, "crash")
        if world.random.random() < 0.7 and not world.log.away:
            world.start_worker(worker.name)


def worker_stop(world: World) -> None:
    """A worker is told to stop: it hands back what does not end in time, and another one may come under its name."""
    if world.workers:
        worker = world.random.choice(world.workers)
        worker.stop()
        world.note(f"worker {worker.name} is told to stop")


def worker_pause(world: World) -> None:
    """A worker stands still, or goes on."""
    if world.workers:
        worker = world.random.choice(world.workers)
        worker.paused = not worker.paused
        world.note(f"worker {worker.name} {'pauses' if worker.paused else 'goes on'}")


def worker_cut_off(world: World) -> None:
    """What a worker sends does not arrive for a while; when it does, it may have been given up."""
    if world.workers:
        worker = world.random.choice(world.workers)
        for_ms = world.random.choice((500, 2_500, 6_000))
        worker.cut_off_until = worker.clock.monotonic_ms() + for_ms
        world.note(f"worker {worker.name} is cut off for {for_ms} ms")


def new_relay(world: World) -> None:
    """Another relay begins, while the old one may go on."""
    world.relays.begin()


def new_reader(world: World) -> None:
    """One more reader begins."""
    if len(world.readers.seen) < 12:
        world.readers.begin()


def compact(world: World) -> None:
    """The broker cleans the snapshot topics."""
    world.log.compact_snapshots()


def send_again(world: World) -> None:
    """A client sends a command a second time."""
    world.clients.send_again()


FAULTS: dict[Callable[[World], None], int] = {
    crash: 4,
    begin: 4,
    pause: 4,
    wake: 4,
    late_news: 4,
    news: 3,
    steal: 4,
    log_away: 2,
    jump: 3,
    lose_time: 3,
    worker_crash: 3,
    worker_stop: 3,
    worker_pause: 4,
    worker_cut_off: 3,
    new_relay: 1,
    new_reader: 3,
    send_again: 3,
    compact: 2,
}


def skew(world: World) -> int:
    """Return how far a process's clock is off."""
    return world.random.choice((0, 0, 200, -200, _MAX_SKEW_MS, -_MAX_SKEW_MS))


def post(world: World) -> bool:
    """Let a record of a worker arrive; a result now and then twice."""
    if world.late and not world.log.away and world.random.random() < 0.03:
        arrive(world)
        return True
    sending = [worker for worker in world.workers if worker.sends]
    if not sending:
        return False
    letter = world.random.choice(sending).outbox.post()
    if letter is not None and world.random.random() < world.log.fault_rate and is_result(letter):
        world.clients.sent.append((letter.topic, letter.partition, letter.key, letter.value))
        world.clients.send_again()
    return letter is not None


def arrive(world: World) -> None:
    """Let a result of a worker that is gone arrive after all."""
    late = world.late.pop(world.random.randrange(len(world.late)))
    world.log.append(late.topic, late.partition, late.value, key=late.key, headers=late.headers)


def rebalance(world: World, role: str) -> None:
    """Give every shard of a role to a process that stands still or not; mostly to one that does not."""
    members = [process for process in world.hosts if process.role.name == role]
    awake = [process for process in members if not process.paused and not process.membership.late]
    for shard in range(world.shard_count(role)):
        choices = awake if awake and world.random.random() < 0.9 else members
        world.groups[role].give(shard, world.random.choice(choices).name if choices else "")


def _host(world: World) -> HostProcess | None:
    return world.random.choice(world.hosts) if world.hosts else None
