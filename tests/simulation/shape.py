"""How large a world is and how bad its luck, drawn from its seed."""

from __future__ import annotations

from random import Random

import msgspec

from headrace.shard.limits import Limits
from tests.simulation.workflows.tasks import TASKS


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """Counts, and how often things go wrong (0 to 1)."""

    decision_shards: int
    dispatcher_shards: int
    resource_shards: int
    processes: int
    """Per role."""
    workers: int
    slots: int
    actions: int
    """Scheduler actions before everything heals."""
    starts: int
    graphs: int
    tasks: list[str]
    items: tuple[int, ...]
    """Lengths of lists that graphs fan out over."""
    trap: bool
    upgrade: bool
    """Whether newer and older code run side by side."""
    reuse: float
    """How often a start uses an id again."""
    impatience: float
    """Of an action being a request to cancel or terminate."""
    faults: tuple[str, ...] = ()
    """The kinds of faults by name; empty for all."""
    fault_rate: float
    """Of an action being a fault."""
    delivery_fault_rate: float
    record_inputs: int
    in_flight_records: int
    live_coroutines: int
    replay_at_once: int
    work_ms: tuple[int, ...]
    """How long a task may take."""
    record_limit_bytes: int
    checkpoint_ms: int
    checkpoint_events: int
    schedules: int = 0
    journal_keep_ms: int
    """0: journals are shortened as soon as all deciders have passed; slower readers find their position lost."""
    keepers: float = 0.0
    """Of an action being one of somebody who has to do with workflows that go on for long (`keeping.py`)."""
    waits: float = 0.0
    """Of an action being one of somebody who has to do with workflows that wait (`waiting.py`)."""
    operators: float = 0.0
    """Of an action being one of an operator's (`operating.py`)."""

    def limits(self) -> Limits:
        """Return the shard runtime's limits: small, so that they are reached."""
        return Limits(
            record_limit_bytes=self.record_limit_bytes,
            record_inputs=self.record_inputs,
            in_flight_records=self.in_flight_records,
            # Processes end by chance here, so an input that was marked twice is no poison.
            marks=1_000,
            checkpoint_ms=self.checkpoint_ms,
            checkpoint_events=self.checkpoint_events,
            snapshot_chunk_bytes=300,
            delete_every_ms=200,
            journal_keep_ms=self.journal_keep_ms,
        )


def draw(random: Random) -> Shape:
    """Return a world's shape. One in six has no faults at all: what fails there is no matter of recovery."""
    # What is drawn apart leaves the rest of a seed's world as it was.
    apart = Random()
    apart.setstate(random.getstate())
    calm = random.random() < 1 / 6
    common = [task for task in TASKS if task != "deadly" or random.random() < 0.3]
    return Shape(
        decision_shards=random.randint(1, 3),
        dispatcher_shards=random.randint(1, 2),
        resource_shards=random.randint(1, 2),
        processes=random.randint(1, 3),
        workers=random.randint(1, 3),
        slots=random.randint(1, 3),
        actions=random.randint(400, 2_400),
        starts=random.randint(2, 12),
        graphs=random.randint(1, 3),
        tasks=random.sample(common, random.randint(2, len(common))),
        items=(0, 1, 3, 24),
        trap=random.random() < 0.15,
        upgrade=random.random() < 0.2,
        reuse=0.25,
        impatience=0.0 if calm else 0.002,
        fault_rate=0.0 if calm else random.choice((0.01, 0.03, 0.08)),
        delivery_fault_rate=0.0 if calm else random.choice((0.0, 0.005, 0.03)),
        record_inputs=random.choice((1, 2, 64)),
        in_flight_records=random.choice((2, 4, 16)),
        work_ms=(0, 1, 5, 40, 200),
        record_limit_bytes=random.choice((24_000, 48_000)),
        live_coroutines=random.choice((1, 1_000)),
        replay_at_once=random.choice((1, 2, 1_000)),
        checkpoint_ms=random.choice((300, 1_000, 5_000)),
        checkpoint_events=random.choice((5, 50, 20_000)),
        journal_keep_ms=random.choice((0, 3_600_000)),
        waits=apart.choice((0.0, 0.03, 0.1)),
        keepers=apart.choice((0.0, 0.03, 0.1)),
        operators=apart.choice((0.0, 0.0, 0.02, 0.08)),
    )
