"""A plain dispatcher to hold the real one against: lists, scans and fractions instead of heaps and indexes."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from headrace.contracts.dispatch_events import (
    AssignmentsEnded,
    AttemptLost,
    AttemptTimedOut,
    TaskAssigned,
    TaskDropped,
    TaskQueued,
    TaskRequeued,
)
from headrace.contracts.message import Message
from headrace.contracts.task_events import TaskScheduled
from headrace.contracts.task_rules import TaskLimit, TaskRules
from headrace.contracts.worker_events import WorkerJoined, WorkerLeft, WorkerLost, WorkerStopping

Key = tuple[str, int, int]
TurnKey = tuple[int, tuple[tuple[str, str], ...], str]
LimitName = tuple[str, str]


def key_of(task: TaskScheduled) -> Key:
    return (task.run_id, task.step, task.attempt)


def rules_of(task: TaskScheduled) -> TaskRules:
    return task.rules or TaskRules()


@dataclass
class Mill:
    """A worker: what it offers, and the slots of what it was given."""

    slots: int
    tasks: list[str]
    labels: dict[str, str]
    stopping: bool = False
    given: dict[int, int] = field(default_factory=dict)

    @property
    def free(self) -> int:
        return self.slots - sum(self.given.values())

    def could_run(self, task: TaskScheduled) -> bool:
        rules = rules_of(task)
        fits = all(self.labels.get(name) == value for name, value in rules.require.items())
        return not self.stopping and task.task in self.tasks and self.slots >= rules.slots and fits


@dataclass
class Gate:
    """A limit: who holds a permit, and the tokens at a time."""

    spec: TaskLimit
    holders: set[int] = field(default_factory=set)
    tokens: Fraction = Fraction(0)
    at: int = 0

    def tokens_at(self, now_ms: int) -> Fraction:
        filled = self.tokens + Fraction((now_ms - self.at) * self.spec.per_period, self.spec.period_ms)
        return min(Fraction(self.spec.per_period), filled)

    def open(self, now_ms: int) -> bool:
        if self.spec.at_once and len(self.holders) >= self.spec.at_once:
            return False
        return not self.spec.per_period or self.tokens_at(now_ms) >= 1


@dataclass
class PlainDispatcher:
    """Follows the journal, and holds every assignment against what was to be at that moment."""

    arrivals: dict[Key, int] = field(default_factory=dict)
    waiting: dict[Key, TaskScheduled] = field(default_factory=dict)
    running: dict[int, TaskScheduled] = field(default_factory=dict)
    mills: dict[str, Mill] = field(default_factory=dict)
    gates: dict[LimitName, Gate] = field(default_factory=dict)
    tags: dict[TurnKey, float] = field(default_factory=dict)
    clocks: dict[int, float] = field(default_factory=dict)
    last: dict[str, str] = field(default_factory=dict)

    def see(self, event: Message) -> None:  # noqa: C901  one case per event
        """Follow one event."""
        match event:
            case WorkerJoined():
                (offer,) = event.offers
                self.mills[event.worker] = Mill(offer.slots, offer.tasks, event.labels)
            case WorkerStopping():
                self.mills[event.worker].stopping = True
            case WorkerLeft() | WorkerLost():
                assert not self.mills.pop(event.worker).given, "a worker left with something in its hands"
            case TaskQueued():
                self._meet(event.task, event.at)
                self._wait(event.task)
            case TaskAssigned():
                self._assigned(event)
            case AssignmentsEnded():
                for number in event.assignments:
                    self._free(number)
            case TaskRequeued():
                self._wait(self._free(event.assignment))
            case AttemptLost():
                self._free(event.assignment)
            case TaskDropped():
                self._leave((event.run_id, event.step, event.attempt))
            case AttemptTimedOut():
                if not event.assignment:
                    self._leave((event.run_id, event.step, event.attempt))

    def next(self, now_ms: int) -> tuple[TaskScheduled, dict[str, Mill]] | None:
        """Return the first task that can run now, and the workers that it can run on."""
        kept = ""
        for task in sorted(self.waiting.values(), key=self._order):
            if not all(gate.open(now_ms) for gate in self._gates(task)):
                continue
            roomy = self._roomy(task, kept)
            if roomy:
                return task, roomy
            if rules_of(task).slots > 1 and not kept:
                able = [name for name, mill in self.mills.items() if mill.could_run(task)]
                kept = min(able, key=lambda name: (-self.mills[name].free, name), default="")
        return None

    def held(self) -> dict[LimitName, set[int]]:
        """Return who holds permits."""
        return {name: gate.holders for name, gate in self.gates.items() if gate.holders}

    def _assigned(self, event: TaskAssigned) -> None:
        key, number = key_of(event.task), event.assignment
        found = self.next(event.at)
        if key in self.waiting:
            assert found is not None, f"{key} began, but nothing could"
            assert key == key_of(found[0]), f"{key} began before {key_of(found[0])}"
            roomy = found[1]
            self._leave(key)
        else:
            assert found is None, "what waits comes first"
            self._meet(event.task, event.at)
            assert all(gate.open(event.at) for gate in self._gates(event.task))
            roomy = self._roomy(event.task, "")
        shares = {name: Fraction(mill.free, mill.slots) for name, mill in roomy.items()}
        prefer = rules_of(event.task).prefer
        preferred = prefer if prefer in self.mills else self.last.get(prefer)
        if prefer:
            self.last[prefer] = event.worker
        assert event.worker in shares
        if preferred in shares:
            assert event.worker == preferred
        else:
            assert shares[event.worker] == max(shares.values()), f"{event.worker} of {shares}"
        self._charge(event.task)
        self.mills[event.worker].given[number] = rules_of(event.task).slots
        self.running[number] = event.task
        for gate in self._gates(event.task):
            gate.holders.add(number)
            if gate.spec.per_period:
                gate.tokens, gate.at = gate.tokens_at(event.at) - 1, event.at

    def _roomy(self, task: TaskScheduled, kept: str) -> dict[str, Mill]:
        slots = rules_of(task).slots
        mills = self.mills.items()
        return {name: mill for name, mill in mills if name != kept and mill.could_run(task) and mill.free >= slots}

    def _meet(self, task: TaskScheduled, at: int) -> None:
        self.arrivals.setdefault(key_of(task), len(self.arrivals))
        for limit in rules_of(task).limits:
            full = Fraction(limit.per_period)
            self.gates.setdefault((limit.scope, limit.name), Gate(limit, tokens=full, at=at))

    def _gates(self, task: TaskScheduled) -> list[Gate]:
        return [self.gates[limit.scope, limit.name] for limit in rules_of(task).limits]

    def _order(self, task: TaskScheduled) -> tuple[int, float, int]:
        return (-task.priority, self.tags[self._turn(task)], self.arrivals[key_of(task)])

    @staticmethod
    def _turn(task: TaskScheduled) -> TurnKey:
        rules = rules_of(task)
        return (task.priority, tuple(sorted(rules.require.items())), rules.fairness_key)

    def _wait(self, task: TaskScheduled) -> None:
        turn = self._turn(task)
        if turn not in [self._turn(other) for other in self.waiting.values()]:
            self.tags[turn] = max(self.tags.get(turn, 0.0), self.clocks.setdefault(task.priority, 0.0))
        self.waiting[key_of(task)] = task

    def _leave(self, key: Key) -> None:
        task = self.waiting.pop(key, None)
        if task is not None and not any(other.priority == task.priority for other in self.waiting.values()):
            del self.clocks[task.priority]
            self.tags = {turn: tag for turn, tag in self.tags.items() if turn[0] != task.priority}

    def _charge(self, task: TaskScheduled) -> None:
        if task.priority in self.clocks:
            turn, rules = self._turn(task), rules_of(task)
            self.clocks[task.priority] = max(self.tags.get(turn, 0.0), self.clocks[task.priority])
            self.tags[turn] = self.clocks[task.priority] + rules.slots / rules.weight

    def _free(self, number: int) -> TaskScheduled:
        for mill in self.mills.values():
            mill.given.pop(number, None)
        for gate in self.gates.values():
            gate.holders.discard(number)
        return self.running.pop(number)
