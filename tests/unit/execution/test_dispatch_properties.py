"""The dispatcher against a plain model, under random histories: lists and scans instead of heaps and indexes."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.contracts.dispatch_events import AssignmentsEnded, TaskAssigned, TaskDropped, TaskRequeued
from headrace.contracts.message import Message
from headrace.contracts.task_events import TaskScheduled
from headrace.contracts.worker_events import WorkerJoined, WorkerLeft, WorkerLost, WorkerStopping
from headrace.contracts.workflow_events import WorkflowTerminated
from headrace_execution.dispatcher.round import DispatchLimits
from tests.unit.execution.dispatcher_shard import DispatcherShard, scheduled, succeeded

TASKS = ("x", "y")
WORKERS = ("a", "b", "c")


@dataclass
class Mill:
    """A worker of the model: its slots, what it offers, and the assignments that take a slot."""

    slots: int
    tasks: list[str]
    session: str
    stopping: bool = False
    given: list[int] = field(default_factory=list)


@dataclass
class Model:
    """Follows the journal with lists, and holds every assignment against what was possible at that moment."""

    waiting: list[TaskScheduled] = field(default_factory=list)
    workers: dict[str, Mill] = field(default_factory=dict)
    open: dict[int, TaskAssigned] = field(default_factory=dict)
    arrivals: list[tuple[str, int]] = field(default_factory=list)

    def arrive(self, task: TaskScheduled) -> None:
        """A record schedules a task."""
        self.waiting.append(task)
        self.arrivals.append((task.run_id, task.step))

    def see(self, event: Message) -> None:
        """Follow one event."""
        match event:
            case WorkerJoined():
                (offer,) = event.offers
                self.workers[event.worker] = Mill(offer.slots, offer.tasks, event.session)
            case WorkerStopping():
                self.workers[event.worker].stopping = True
            case WorkerLeft() | WorkerLost():
                assert not self.workers.pop(event.worker).given, "a worker left with something in its hands"
            case TaskAssigned():
                self._assigned(event)
            case AssignmentsEnded():
                for number in event.assignments:
                    self._free(number)
            case TaskRequeued():
                self._free(event.assignment)
                self.waiting.append(self.open.pop(event.assignment).task)
            case TaskDropped():
                self.waiting = [task for task in self.waiting if (task.run_id, task.step) != (event.run_id, event.step)]

    def check_nothing_is_left_lying(self) -> None:
        """What waits has no worker with a free slot."""
        for task in self.waiting:
            assert not self._candidates(task), f"{task.run_id}/{task.step} waits for nothing"

    def _assigned(self, event: TaskAssigned) -> None:
        first = min((task for task in self.waiting if self._candidates(task)), key=self._order)
        assert (event.task.run_id, event.task.step) == (first.run_id, first.step)
        free = self._candidates(first)
        assert event.worker in free
        shares = {name: count / self.workers[name].slots for name, count in free.items()}
        assert shares[event.worker] == max(shares.values()), f"{event.worker} of {shares}"
        self.waiting.remove(first)
        self.workers[event.worker].given.append(event.assignment)
        self.open[event.assignment] = event

    def _candidates(self, task: TaskScheduled) -> dict[str, int]:
        return {
            name: mill.slots - len(mill.given)
            for name, mill in self.workers.items()
            if task.task in mill.tasks and not mill.stopping and mill.slots > len(mill.given)
        }

    def _order(self, task: TaskScheduled) -> tuple[int, int]:
        return (-task.priority, self.arrivals.index((task.run_id, task.step)))

    def _free(self, number: int) -> None:
        for mill in self.workers.values():
            if number in mill.given:
                mill.given.remove(number)


class World:
    """The shard, the model, and what the workers really hold."""

    def __init__(self) -> None:
        self.shard = DispatcherShard(DispatchLimits(poison_losses=1_000))
        self.model = Model()
        self.holds: dict[str, dict[int, TaskAssigned]] = {}
        self.sessions: dict[str, int] = {}
        self.told: dict[tuple[str, int], bytes] = {}
        """The last details of each step."""
        self.steps = 0
        self._seen = 0

    def schedule(self, priorities: list[int], run: str) -> None:
        events = []
        for priority in priorities:
            self.steps += 1
            events.append(scheduled(self.steps, run=run, task=TASKS[self.steps % 2], priority=priority))
        for event in events:
            self.model.arrive(event)
        self.shard.record(*events)
        self.follow()

    def join(self, worker: str, slots: int, tasks: list[str]) -> None:
        """A process of that name starts; one that ran under it is gone."""
        self.sessions[worker] = self.sessions.get(worker, 0) + 1
        self.holds[worker] = {}
        self.shard.hello(worker, slots, tasks=tasks, session=f"s{self.sessions[worker]}")
        self.follow()

    def finish(self, pick: int) -> None:
        """A worker ends one of its tasks, and the decision service counts the result."""
        held = [(worker, assigned) for worker, holds in self.holds.items() for assigned in holds.values()]
        if held:
            worker, assigned = held[pick % len(held)]
            del self.holds[worker][assigned.assignment]
            self.shard.record(succeeded(assigned))
            self.follow()

    def stale_success(self, pick: int) -> None:
        """A result comes that no current assignment sent."""
        given = self.shard.of(TaskAssigned)
        if given:
            self.shard.record(succeeded(given[pick % len(given)], assignment=10_000 + pick))
            self.follow()

    def report(self, worker: str, *, stopping: bool = False) -> None:
        if worker in self.holds:
            details = {number: b"%d" % (self.shard.now_ms + number) for number in self.holds[worker]}
            for number, assigned in self.holds[worker].items():
                self.told[assigned.task.run_id, assigned.task.step] = details[number]
            self.shard.report(
                worker,
                holds=self.holds[worker],
                session=f"s{self.sessions[worker]}",
                stopping=stopping,
                details=details,
            )
            self.follow()

    def leave(self, worker: str) -> None:
        """A worker hands everything back and goes."""
        if worker in self.holds:
            handed_back, self.holds[worker] = list(self.holds[worker]), {}
            session = f"s{self.sessions[worker]}"
            self.shard.report(worker, handed_back=handed_back, session=session, stopping=True)
            self.follow()
            self.shard.goodbye(worker, session)
            del self.holds[worker]
            self.follow()

    def die(self, worker: str) -> None:
        """A worker goes silent while the others report."""
        self.holds.pop(worker, None)
        for _ in range(3):
            self.shard.pass_time(2_000)
            self.follow()
            for other in list(self.holds):
                self.report(other)

    def terminate(self, run: str) -> None:
        self.shard.record(WorkflowTerminated(workflow_id=f"w-{run}", run_id=run, at=0))
        self.follow()

    def follow(self) -> None:
        """Let the model and the workers see what was decided."""
        for event in self.shard.journal[self._seen :]:
            self.model.see(event)
            if isinstance(event, TaskAssigned):
                told = self.told.get((event.task.run_id, event.task.step))
                assert (event.noted.details if event.noted is not None else None) == told
            if isinstance(event, TaskAssigned) and event.worker in self.holds:
                if event.session == f"s{self.sessions[event.worker]}":
                    self.holds[event.worker][event.assignment] = event
            elif isinstance(event, TaskDropped) and event.worker in self.holds:
                self.holds[event.worker].pop(event.assignment, None)
        self._seen = len(self.shard.journal)
        self.model.check_nothing_is_left_lying()
        given = {name: sorted(mill.given) for name, mill in self.model.workers.items()}
        counted = {
            name: sorted(number for running in worker.running.values() for number in running)
            for name, worker in self.shard.state.workers.items()
        }
        assert given == counted, "slots leaked"

    def drain(self) -> None:
        """Let everything end: in the end, nothing is left of it."""
        for worker in list(self.sessions):
            self.join(worker, 3, list(TASKS))
        self.join("last", 3, list(TASKS))
        while any(self.holds.values()):
            self.finish(0)
        for worker in list(self.holds):
            self.report(worker)
        state = self.shard.state
        assert not (state.notes or state.left)
        assert not (state.open or state.runs or state.assignments or state.queues.shapes or self.model.waiting)


NAME = st.sampled_from(WORKERS)
RUN = st.sampled_from(["r1", "r2"])
OPERATIONS = st.one_of(
    st.tuples(st.just("schedule"), st.lists(st.integers(0, 9), min_size=1, max_size=5), RUN),
    st.tuples(st.just("join"), NAME, st.integers(1, 3), st.lists(st.sampled_from(TASKS), unique=True)),
    st.tuples(st.just("finish"), st.integers(0, 50)),
    st.tuples(st.just("finish"), st.integers(0, 50)),
    st.tuples(st.just("stale_success"), st.integers(0, 50)),
    st.tuples(st.just("report"), NAME),
    st.tuples(st.just("leave"), NAME),
    st.tuples(st.just("die"), NAME),
    st.tuples(st.just("terminate"), RUN),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(OPERATIONS, max_size=40))
def test_every_assignment_is_the_models_and_nothing_leaks(history: list[tuple[object, ...]]) -> None:
    world = World()
    for name, *arguments in history:
        getattr(world, str(name))(*arguments)
    world.drain()


@settings(max_examples=100, deadline=None)
@given(tasks=st.integers(0, 40), workers=st.integers(1, 8), slots=st.integers(1, 6))
def test_ready_tasks_are_spread_so_that_no_two_workers_differ_by_more_than_one(
    tasks: int, workers: int, slots: int
) -> None:
    shard = DispatcherShard()
    for number in range(workers):
        shard.hello(f"worker-{number}", slots)
    shard.record(*(scheduled(step) for step in range(tasks)))
    counts = [len(shard.assigned_to(f"worker-{number}")) for number in range(workers)]
    assert sum(counts) == min(tasks, workers * slots)
    assert max(counts) - min(counts) <= 1


@settings(max_examples=200, deadline=None)
@given(slots=st.lists(st.integers(1, 9), min_size=1, max_size=6), batches=st.lists(st.integers(1, 9), max_size=10))
def test_tasks_that_last_are_spread_in_proportion_to_slots_however_they_come(
    slots: list[int], batches: list[int]
) -> None:
    shard = DispatcherShard()
    for number, count in enumerate(slots):
        shard.hello(f"worker-{number}", count)
    step = 0
    for batch in batches:
        shard.record(*(scheduled(step + each) for each in range(batch)))
        step += batch
        given = [len(shard.assigned_to(f"worker-{number}")) for number in range(len(slots))]
        assert sum(given) == min(step, sum(slots))
        shares = [Fraction(count, of) for count, of in zip(given, slots, strict=True)]
        # Nobody got its last task while another one had a smaller share of its slots in use.
        for count, of in zip(given, slots, strict=True):
            assert Fraction(max(count - 1, 0), of) <= min(shares)
