"""The state of a dispatcher shard: open attempts, assignments and workers.

Everything here but `live` is changed by `evolve` only, event by event, so a replay of the journal gives it back. `live`
is what no journal holds (who was heard when) or what can be found out again (which queues may have something to place).

An assignment goes through these phases:

    RUNNING ---- its own result ends the attempt ----------------> gone, slot free
       |-------- the attempt ends otherwise --------> ENDED -----> gone once the worker no longer holds it
       |-------- a limit of the attempt is over ----> TIMED_OUT -> gone once the worker no longer holds it
       |-------- the worker has sent a result ------> FINISHED --> gone when the attempt ends; holds no slot
       `-------- lost, handed back, never read -----> its attempt waits again, or goes back to the decision service
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

import msgspec

from headrace.contracts.reports import QueueOffer
from headrace.contracts.task_rules import TaskRules
from headrace.engine.task_versions import UNVERSIONED, may_run
from headrace.shard.entries import Changed
from headrace_execution.dispatcher.fairness import Clock, ClockKey, TurnKey
from headrace_execution.dispatcher.lanes import Attempt, Key
from headrace_execution.dispatcher.limits import Limit, QueueLimit
from headrace_execution.dispatcher.queues import Queues
from headrace_execution.dispatcher.rules import Labels, LimitKey, Wanted, slots_of

RUNNING = "running"
ENDED = "ended"
TIMED_OUT = "timed_out"
FINISHED = "finished"


class Assignment(msgspec.Struct, kw_only=True):
    """One delivery of an attempt to a worker. `partition` and `offset` say where its result stands, once FINISHED."""

    number: int
    attempt: Attempt
    worker: str
    session: str
    at: int
    phase: str = RUNNING
    partition: int = -1
    offset: int = -1
    warned: bool = False
    """Whether it was told of as overdue."""

    @property
    def queue(self) -> str:
        """Return the queue whose slot it takes."""
        return self.attempt.task.queue

    @property
    def slots(self) -> int:
        """Return how many slots it takes."""
        return slots_of(self.attempt.task)


class Offer(msgspec.Struct, frozen=True):
    """What a worker offers on one queue."""

    slots: int
    tasks: frozenset[str]
    versions: dict[str, str] = {}
    """The versions of tasks that say one."""


def offers_of(offers: Iterable[QueueOffer]) -> dict[str, Offer]:
    """Return what a worker's hello offers, by queue; a queue without slots is none."""
    return {
        offer.queue: Offer(offer.slots, frozenset(offer.tasks), dict(offer.versions))
        for offer in offers
        if offer.slots > 0
    }


class Canary(msgspec.Struct, frozen=True):
    """A version of a task that gets a share of what waits in a queue; above 0, at most 1."""

    version: str
    share: float


class Worker(msgspec.Struct, kw_only=True):
    """A worker that has said hello. `running` are the assignments that take a slot, by queue; what is left is free."""

    name: str
    session: str
    offers: dict[str, Offer]
    labels: dict[str, str] = {}
    stopping: bool = False
    running: dict[str, dict[int, None]] = {}
    used: dict[str, int] = {}
    """The slots that those take, by queue."""
    busy: int = 0
    alone: dict[int, None] = {}
    """Assignments that must run alone."""
    last_assignment: int = 0

    def free(self, queue: str) -> int:
        """Return the free slots on a queue."""
        offer = self.offers.get(queue)
        return 0 if offer is None else offer.slots - self.used.get(queue, 0)

    def fits(self, queue: str, task: str, slots: int, labels: Labels, wanted: Wanted) -> bool:
        """Tell whether it has so many slots on a queue, free or not, these labels, and a version that will do."""
        offer = self.offers.get(queue)
        return (
            offer is not None
            and offer.slots >= slots
            and all(self.labels.get(name) == value for name, value in labels)
            and may_run(offer.versions.get(task, UNVERSIONED), *wanted)
        )

    def version(self, queue: str, task: str) -> str:
        """Return its version of a task."""
        offer = self.offers.get(queue)
        return UNVERSIONED if offer is None else offer.versions.get(task, UNVERSIONED)

    def numbers(self) -> list[int]:
        """Return the assignments that take a slot, oldest first."""
        return sorted(number for running in self.running.values() for number in running)


StepKey = tuple[str, int]
"""A step: run id, step."""


class Notes(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept for whoever runs a step next. `attempt` is the one whose handle it is."""

    details: bytes = b""
    handle: bytes = b""
    attempt: int = 0


class Live(msgspec.Struct, kw_only=True):
    """What is not in the journal. Nothing in here decides what an event means."""

    due: dict[str, int] = {}
    """When a silent worker is looked at, by its name."""
    suspects: dict[str, None] = {}
    """Workers that were silent for too long when they were last looked at."""
    beats: dict[int, int] = {}
    """Last heartbeat of an assignment's own."""
    reported: dict[int, tuple[int, int]] = {}
    """Where the result of an assignment stands that its worker has reported as finished once."""
    passed: dict[int, int] = {}
    """Last command that each decision shard is known to have taken in."""
    held: dict[str, None] = {}
    """Runs that are stuck: results for them wait."""
    deadlines: list[tuple[int, int, str]] = []
    """Heap of (time, assignment, limit); an entry may be out of date."""
    waits: list[tuple[int, Key, str]] = []
    """Heap of (time, attempt, limit) of what open attempts are bound by; an entry may be out of date."""
    refills: list[tuple[int, LimitKey]] = []
    """Heap of (time, limit): when there is a token for somebody who waits for one."""
    refilling: dict[LimitKey, int] = {}
    """The entries of `refills` that hold."""
    filling: list[tuple[int, LimitKey]] = []
    """Heap of (time, limit): when a bucket is full that nobody names any more; an entry may be out of date."""
    idle: dict[ClockKey, list[tuple[float, TurnKey]]] = {}
    """Heaps of (tag, turn): turns with nothing waiting; an entry may be out of date."""
    rules: dict[bytes, TaskRules] = {}
    """What tasks that wait have said, so that it is kept once (`sharing.py`)."""
    now_ms: int = 0
    """The time of the last decision."""
    dirty: dict[str, None] = {}
    """Queues where something may be placed."""
    limits_told: bool = False
    """Whether the limits of queues were held against what was told."""
    audit: dict[tuple[str, str], None] = {}
    """Tasks of queues whose attempts may have to be told that they are served, or that they no longer are."""


class Ledger(msgspec.Struct, kw_only=True):
    """What has changed since the last checkpoint."""

    attempts: Changed[Key] = msgspec.field(default_factory=Changed)
    assignments: Changed[int] = msgspec.field(default_factory=Changed)
    workers: Changed[str] = msgspec.field(default_factory=Changed)
    notes: Changed[StepKey] = msgspec.field(default_factory=Changed)
    limits: Changed[LimitKey] = msgspec.field(default_factory=Changed)
    clocks: Changed[ClockKey] = msgspec.field(default_factory=Changed)
    turns: Changed[tuple[str, int, TurnKey]] = msgspec.field(default_factory=Changed)
    full: Changed[str] = msgspec.field(default_factory=Changed)
    canaries: Changed[tuple[str, str]] = msgspec.field(default_factory=Changed)


class DispatcherState(msgspec.Struct, kw_only=True):
    """The fold of one `task.journal` partition."""

    quarantine_from: int
    """Losses from which on an attempt runs alone."""
    remembered_ends: int
    arrivals: int = 0
    last_assignment: int = 0
    open: dict[Key, Attempt] = {}
    runs: dict[str, dict[int, tuple[Key, ...]]] = {}
    """Open attempts by run and step."""
    assignments: dict[int, Assignment] = {}
    finished: dict[int, None] = {}
    """Assignments in phase FINISHED."""
    queues: Queues = msgspec.field(default_factory=Queues)
    quarantine: dict[Key, Attempt] = {}
    """Attempts that wait for a worker of their own."""
    workers: dict[str, Worker] = {}
    offers: dict[tuple[str, str], dict[str, None]] = {}
    """Workers by the queue and task that they offer; those that stop offer nothing."""
    limits: dict[LimitKey, Limit] = {}
    """Limits that open attempts name, or whose buckets are not full; and those of queues, which are set."""
    clocks: dict[ClockKey, Clock] = {}
    """Whose turn it is where something waits."""
    sticky: OrderedDict[tuple[str, str], str] = msgspec.field(default_factory=OrderedDict)
    """The last workers, by queue and what was preferred; oldest first, as many as there are remembered ends."""
    canaries: dict[tuple[str, str], Canary] = {}
    """Canaries by queue and task; an operator sets them and takes them back."""
    full: dict[str, str] = {}
    """Queues whose backlog was told to be full, with the policy that was told."""
    requests: dict[str, dict[int, int]] = {}
    """How much decision shards hold back that wait for room, by queue and shard."""
    limited: dict[str, QueueLimit] = {}
    """The limits of queues that were told."""
    ended: OrderedDict[Key, int] = msgspec.field(default_factory=OrderedDict)
    """The attempts that ended last, with their fencing tokens."""
    notes: dict[StepKey, Notes] = {}
    """What is kept for the next attempt, or assignment, of a step."""
    left: dict[StepKey, None] = {}
    """Steps with notes whose last attempt failed, and whose next one is still to come; oldest first."""
    ledger: Ledger = msgspec.field(default_factory=Ledger)
    live: Live = msgspec.field(default_factory=Live)
