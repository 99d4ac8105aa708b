"""What a decision shard holds back while queues are full, and in which order it goes out.

    QueueLimited (dispatcher) -> BacklogNoted: there is room for so many tasks
    room used                 -> TaskHeld stands where TaskScheduled would
    something is held back    -> RoomRequested -> RoomGranted (dispatcher) -> BacklogNoted: those that come first go out
    BacklogFull               -> BacklogNoted: no room, until
    BacklogCleared            -> BacklogNoted, with room for so many

So the dispatcher's memory holds about as much as it wants, whatever the number of decision shards and however large a
fan-out, and nobody asks as long as it is full: it tells all of them when it is not so any more.

The order is priority first, then turns between workflows, then who came first: a fan-out of 100,000 holds up nobody
else's ten tasks. The *place* of a task is the turn that its queue was at when it came, and one more for each task of
the same workflow that waits before it.

Only queues with a bounded backlog are in here; for others it costs one look-up in what is mostly an empty table.
What is held back is known from the runs, too (phase HELD of their steps); this is the index over it. Runs that stand
still are left out of the order until they go on.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush

import msgspec

from headrace.contracts.backlog_events import TaskHeld
from headrace.shard.entries import Changed

WAIT, REFUSE = "wait", "refuse"
"""What happens while a queue is full: tasks of running workflows are held back, or starts of workflows are refused."""
UNBOUNDED = -1
"""Room for all."""

Order = tuple[int, int, int]
"""Priority (negative), place, number."""
StepKey = tuple[str, int]
"""A step: workflow id, step."""


class Held(msgspec.Struct, frozen=True):
    """A task that is held back."""

    queue: str
    order: Order


class HeldRun(msgspec.Struct):
    """What is held back of one workflow's open run, by step."""

    halted: bool = False
    steps: dict[int, Held] = {}


class Backlog(msgspec.Struct, kw_only=True):
    """A queue with a bounded backlog, or for which something is held back.

    `room` is what may still be scheduled; `asked`: the dispatcher knows that more is wanted.
    `limited`: it has a bounded backlog, and holds back what it has no room for.
    """

    queue: str
    full: bool = False
    limited: bool = False
    when_full: str = WAIT
    waiting: int = 0
    backlog: int = 0
    since: int = 0
    room: int = 0
    asked: bool = False
    place: int = 0
    """The place of what went out last."""
    entries: dict[StepKey, Order] = {}
    """What may go out."""
    of_run: dict[str, int] = {}
    """How many of these are of a workflow."""
    heap: list[tuple[Order, StepKey]] = []
    """An entry may be out of date. Its layout is no part of the state."""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Backlog):
            return NotImplemented
        return _comparable(self) == _comparable(other)

    __hash__ = None  # type: ignore[assignment]

    @property
    def holds(self) -> bool:
        """Tell whether a task that is ready now is held back: behind those that are, too."""
        return self.room == 0 or bool(self.entries)

    @property
    def releasable(self) -> bool:
        """Tell whether something may be scheduled."""
        return bool(self.entries) and self.room != 0

    @property
    def wants(self) -> bool:
        """Tell whether the dispatcher must be asked for room."""
        return bool(self.entries) and self.room == 0 and not self.full and not self.asked

    def first(self) -> StepKey:
        """Return what goes out next; there is something."""
        while True:
            order, key = self.heap[0]
            if self.entries.get(key) == order:
                return key
            heappop(self.heap)

    def enter(self, key: StepKey, order: Order) -> None:
        """Let a task wait."""
        self.entries[key] = order
        self.of_run[key[0]] = self.of_run.get(key[0], 0) + 1
        heappush(self.heap, (order, key))

    def leave(self, key: StepKey) -> None:
        """Take a task out, if it is there."""
        if self.entries.pop(key, None) is None:
            return
        self.of_run[key[0]] -= 1
        if not self.of_run[key[0]]:
            del self.of_run[key[0]]
        if len(self.heap) > 64 and len(self.heap) > 4 * len(self.entries):
            self.heap = [(order, each) for each, order in self.entries.items()]
            heapify(self.heap)


class Backlogs(msgspec.Struct):
    """All queues that are full or for which something is held back, and what is held back of which workflow."""

    queues: dict[str, Backlog] = {}
    runs: dict[str, HeldRun] = {}
    number: int = 0
    changed: Changed[str] = msgspec.field(default_factory=Changed)
    """Workflows whose `runs` entry has changed since the last checkpoint."""
    noted: Changed[str] = msgspec.field(default_factory=Changed)
    """Queues of which something but `entries` has."""

    def place_in(self, backlog: Backlog, workflow_id: str) -> int:
        """Return the place of the next task of a workflow."""
        return backlog.place + backlog.of_run.get(workflow_id, 0)

    def hold(self, event: TaskHeld, *, halted: bool) -> None:
        """Hold a task back."""
        self.number = max(self.number, event.number)
        self.noted.touched(event.queue)
        run = self.runs.get(event.workflow_id)
        if run is None:
            run = self.runs[event.workflow_id] = HeldRun(halted)
            self.changed.made(event.workflow_id)
        else:
            self.changed.touched(event.workflow_id)
        held = Held(event.queue, (-event.priority, event.place, event.number))
        run.steps[event.step] = held
        if not run.halted:
            self._enter(held, (event.workflow_id, event.step))

    def restore(self, workflow_id: str, run: HeldRun) -> None:
        """Take in what a snapshot holds."""
        self.runs[workflow_id] = run
        for step, held in run.steps.items():
            if not run.halted:
                self._enter(held, (workflow_id, step))

    def scheduled(self, queue: str, workflow_id: str, step: int) -> None:
        """A task went out: it has used some of the room."""
        backlog = self.queues.get(queue)
        if backlog is not None and backlog.room > 0:
            backlog.room -= 1
            self.noted.touched(queue)
        run = self.runs.get(workflow_id)
        held = run.steps.get(step) if run is not None else None
        if held is None:
            return
        if backlog is not None:
            backlog.place = max(backlog.place, held.order[1])
            self.noted.touched(queue)
        self.forget(workflow_id, step)

    def forget(self, workflow_id: str, step: int) -> None:
        """A task waits no more, for whatever reason."""
        run = self.runs.get(workflow_id)
        held = run.steps.pop(step, None) if run is not None else None
        if run is None or held is None:
            return
        self.changed.touched(workflow_id)
        if not run.steps:
            del self.runs[workflow_id]
        self._leave(held.queue, (workflow_id, step))

    def ended(self, workflow_id: str) -> None:
        """A run has ended, with all that was held back of it."""
        for step in list(self.runs[workflow_id].steps):
            self.forget(workflow_id, step)

    def stands_still(self, workflow_id: str, *, halted: bool) -> None:
        """A run stands still, or goes on."""
        run = self.runs[workflow_id]
        if run.halted == halted:
            return
        run.halted = halted
        self.changed.touched(workflow_id)
        for step, held in run.steps.items():
            if halted:
                self._leave(held.queue, (workflow_id, step))
            else:
                self._enter(held, (workflow_id, step))

    def settle(self, queue: str) -> None:
        """Forget a queue that is neither bounded nor full nor waited for."""
        backlog = self.queues.get(queue)
        if backlog is not None and not (backlog.limited or backlog.full or backlog.entries):
            del self.queues[queue]
            self.noted.touched(queue)

    def _enter(self, held: Held, key: StepKey) -> None:
        backlog = self.queues.get(held.queue)
        if backlog is None:
            # Its run stood still while its queue had room again.
            backlog = self.queues[held.queue] = Backlog(queue=held.queue, room=UNBOUNDED)
            self.noted.touched(held.queue)
        backlog.enter(key, held.order)

    def _leave(self, queue: str, key: StepKey) -> None:
        backlog = self.queues.get(queue)
        if backlog is not None:
            backlog.leave(key)
            self.settle(queue)


def _comparable(backlog: Backlog) -> tuple[object, ...]:
    return tuple(getattr(backlog, name) for name in backlog.__struct_fields__ if name != "heap")
