"""One simulation: a seed in, what came of it out."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any

import msgspec

from headrace.contracts.topics import JOURNALS
from headrace.shard.errors import ShardDeclined
from tests.simulation.checkers import (
    attempts,
    beginnings,
    commands,
    dispatch,
    ends,
    keeping,
    leases,
    operating,
    placing,
    public,
    readers,
    reigns,
    remains,
    schedules,
    waits,
)
from tests.simulation.checkers.histories import Histories
from tests.simulation.checkers.journals import Journals
from tests.simulation.checkers.live import LiveCheck
from tests.simulation.scheduler import HEAL_ROUNDS, Scheduler
from tests.simulation.world import World

LOG_LINES = 120
PROBLEMS = 12


class SimulationFailed(AssertionError):
    """A seed found something. The text names the seed, the problems, and ends with the log's last lines."""

    def __init__(self, seed: int, problems: list[str], lines: list[str]) -> None:
        self.seed = seed
        self.problems = problems
        shown = "\n  ".join(text[:1_500] for text in problems[:PROBLEMS])
        log = "\n  ".join(lines[-LOG_LINES:])
        super().__init__(f"seed {seed}:\n  {shown}\nlog:\n  {log}\nagain: make simulate SEED={seed}")


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What a clean simulation was like. `digest` stands for every record of every journal."""

    seed: int
    digest: str
    workflows: int
    reigns: int
    records: int
    compared: int
    lines: list[str]


def simulate(seed: int, *, changes: Mapping[str, Any] | None = None, patience_rounds: int = HEAL_ROUNDS) -> Result:
    """Run one seed, in a world whose shape is changed by `changes`.

    After the faults, wait `patience_rounds` for everything to end.

    Raises:
        SimulationFailed: something did not hold.
    """
    logger = logging.getLogger("headrace")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        return _simulate(seed, changes, patience_rounds)
    finally:
        logger.setLevel(level)


def _simulate(seed: int, changes: Mapping[str, Any] | None, patience_rounds: int) -> Result:
    world = World(seed, changes)
    journals = Journals(world.log, world.journals)
    histories = Histories(journals)
    world.waiting.opened = histories.callbacks
    world.operators.failed = histories.failed
    live = LiveCheck(world, journals)
    world.watchers.append(live.watch)
    try:
        Scheduler(world, histories.open, patience_rounds).run()
    except Exception as error:
        problems = [f"{type(error).__name__}: {error}", *histories.problems]
        raise SimulationFailed(seed, problems, world.log_lines) from error
    problems = list(_problems(world, journals, histories, live))
    if problems:
        raise SimulationFailed(seed, problems, world.log_lines)
    return Result(
        seed=seed,
        digest=digest(world),
        workflows=len(histories.runs),
        reigns=sum(found.started is not None for journal in journals.all for found in journal.follow()),
        records=sum(len(journal.follow()) for journal in journals.all),
        compared=live.compared,
        lines=world.log_lines,
    )


def digest(world: World) -> str:
    """Return a digest of all that the journals ever held."""
    found = blake2b(digest_size=16)
    for where in sorted(world.log.archive):
        if where.topic in JOURNALS:
            for entry in world.log.archive[where]:
                found.update(repr((where, entry.offset, entry.headers, entry.value)).encode())
    return found.hexdigest()


def _problems(world: World, journals: Journals, histories: Histories, live: LiveCheck) -> Iterator[str]:
    runs = histories.follow()
    yield from histories.problems
    yield from ends.check(world.documents, runs)
    yield from keeping.check(runs)
    yield from attempts.check(journals, runs)
    yield from commands.check(journals, runs)
    yield from dispatch.check(journals, runs)
    yield from placing.check(journals)
    yield from leases.check(journals, runs)
    yield from schedules.check(journals, runs)
    yield from readers.check(journals, world.readers)
    yield from beginnings.check(journals)
    yield from waits.check(journals, runs)
    yield from operating.check(journals, runs, world.documents)
    yield from reigns.check(journals, runs, live.checkpoints)
    if world.relays.lost is None:
        yield from public.check(journals)
    elif world.shape.journal_keep_ms:
        yield f"Expected the relay to find what it needs, but {world.relays.lost}"
    if readers_lost := world.shape.journal_keep_ms and world.readers.lost:
        yield f"Expected readers {readers_lost} to find what they need, but it was deleted"
    yield from remains.check(world)
    for name, error in world.ended:
        if not isinstance(error, ShardDeclined):
            yield f"Expected {name} to go on, but it ended: {error!r}"
