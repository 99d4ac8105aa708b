"""Order, limits, slots and labels under random histories: each assignment is the plain dispatcher's; nothing leaks."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.contracts.dispatch_events import TaskAssigned, TaskDropped
from headrace.contracts.message import Message
from headrace.contracts.task_rules import TaskLimit, TaskRules
from headrace.contracts.workflow_events import WorkflowTerminated
from headrace_execution.dispatcher.round import DispatchLimits
from tests.unit.execution.dispatcher_shard import DispatcherShard, scheduled, succeeded
from tests.unit.execution.plain_dispatcher import PlainDispatcher

LIMITS = {
    "x": TaskLimit(scope="task", name="x", at_once=2),
    "y": TaskLimit(scope="task", name="y", per_period=3, period_ms=700),
    "k": TaskLimit(scope="key", name="k", at_once=1),
    "l": TaskLimit(scope="key", name="l", at_once=2, per_period=2, period_ms=300),
}
WEIGHTS = {"": 1.0, "ant": 0.5, "bee": 3.0}
NAMES = st.sampled_from(["a", "b", "c"])
TASKS = st.fixed_dictionaries(
    {
        "task": st.sampled_from(["x", "y", "z"]),
        "priority": st.sampled_from([4, 5, 5, 5]),
        "tenant": st.sampled_from(sorted(WEIGHTS)),
        "key": st.sampled_from(["", "", "k", "l"]),
        "slots": st.sampled_from([1, 1, 1, 2]),
        "gpu": st.sampled_from(["", "", "yes"]),
        "prefer": st.sampled_from(["", "", "a"]),
    }
)
OPERATIONS = st.one_of(
    st.tuples(st.just("schedule"), st.lists(TASKS, min_size=1, max_size=6), st.sampled_from(["r1", "r2"])),
    st.tuples(st.just("schedule"), st.lists(TASKS, min_size=1, max_size=6), st.sampled_from(["r1", "r2"])),
    st.tuples(st.just("join"), NAMES, st.integers(1, 4), st.sampled_from(["", "yes"])),
    st.tuples(st.just("finish"), st.integers(0, 50)),
    st.tuples(st.just("finish"), st.integers(0, 50)),
    st.tuples(st.just("pass_time"), st.integers(1, 400)),
    st.tuples(st.just("report"), NAMES),
    st.tuples(st.just("leave"), NAMES),
    st.tuples(st.just("terminate"), st.sampled_from(["r1", "r2"])),
    st.tuples(st.just("restart"), st.booleans()),
)


class World:
    """The shard, the plain dispatcher, and what the workers really hold."""

    def __init__(self) -> None:
        self.shard = DispatcherShard(DispatchLimits(poison_losses=1_000, worker_timeout_ms=10**9))
        self.plain = PlainDispatcher()
        self.holds: dict[str, dict[int, TaskAssigned]] = {}
        self.sessions: dict[str, int] = {}
        self.steps = 0
        self._seen = 0

    def schedule(self, tasks: list[dict[str, object]], run: str) -> None:
        events: list[Message] = []
        for task in tasks:
            self.steps += 1
            named = [LIMITS[str(name)] for name in (task["task"], task["key"]) if name in LIMITS]
            rules = TaskRules(
                fairness_key=str(task["tenant"]),
                weight=WEIGHTS[str(task["tenant"])],
                slots=int(str(task["slots"])),
                limits=named,
                require={"gpu": "yes"} if task["gpu"] else {},
                prefer=str(task["prefer"]),
            )
            plain = rules == TaskRules()
            name, priority = str(task["task"]), int(str(task["priority"]))
            event = scheduled(self.steps, run=run, task=name, priority=priority, rules=None if plain else rules)
            events.append(event)
        self.shard.record(*events)
        self.follow()

    def join(self, worker: str, slots: int, gpu: str) -> None:
        """A process of that name starts; one that ran under it is gone."""
        self.sessions[worker] = self.sessions.get(worker, 0) + 1
        self.holds[worker] = {}
        labels = {"gpu": gpu} if gpu else {}
        self.shard.hello(worker, slots, tasks=["x", "y", "z"], session=f"s{self.sessions[worker]}", labels=labels)
        self.follow()

    def finish(self, pick: int) -> None:
        """A worker ends one of its tasks, and the decision service counts the result."""
        held = [(worker, assigned) for worker, holds in self.holds.items() for assigned in holds.values()]
        if held:
            worker, assigned = held[pick % len(held)]
            del self.holds[worker][assigned.assignment]
            self.shard.record(succeeded(assigned))
            self.follow()

    def pass_time(self, by_ms: int) -> None:
        self.shard.pass_time(by_ms)
        self.follow()

    def report(self, worker: str) -> None:
        if worker in self.holds:
            self.shard.report(worker, holds=self.holds[worker], session=f"s{self.sessions[worker]}")
            self.follow()

    def leave(self, worker: str) -> None:
        """A worker hands everything back and goes."""
        if worker in self.holds:
            handed_back, session = list(self.holds.pop(worker)), f"s{self.sessions[worker]}"
            self.shard.report(worker, handed_back=handed_back, session=session, stopping=True)
            self.follow()
            self.shard.goodbye(worker, session)
            self.follow()

    def terminate(self, run: str) -> None:
        self.shard.record(WorkflowTerminated(workflow_id=f"w-{run}", run_id=run, at=0))
        self.follow()

    def restart(self, from_checkpoint: bool) -> None:
        if from_checkpoint:
            self.shard.take_over_from_checkpoint()
        else:
            self.shard.take_over()
        self.follow()

    def follow(self) -> None:
        """Let the plain dispatcher and the workers see what was decided."""
        for event in self.shard.journal[self._seen :]:
            self.plain.see(event)
            if isinstance(event, TaskAssigned) and event.worker in self.holds:
                self.holds[event.worker][event.assignment] = event
            elif isinstance(event, TaskDropped) and event.worker in self.holds:
                self.holds[event.worker].pop(event.assignment, None)
        self._seen = len(self.shard.journal)
        assert self.plain.next(self.shard.now_ms) is None, "something waits for nothing"
        state = self.shard.state
        held = {key[1:]: set(limit.holders) for key, limit in state.limits.items() if limit.holders}
        assert held == self.plain.held(), "permits leaked"
        used = {name: sum(worker.used.values()) for name, worker in state.workers.items()}
        assert used == {name: mill.slots - mill.free for name, mill in self.plain.mills.items()}, "slots leaked"

    def drain(self) -> None:
        """Let everything end: in the end, nothing is left of it."""
        for worker in [*self.sessions, "last"]:
            self.join(worker, 4, "yes")
        while any(self.holds.values()) or self.plain.waiting:
            self.finish(0)
            self.pass_time(400)
        for worker in list(self.holds):
            self.report(worker)
        self.pass_time(10_000)
        self.schedule([{"task": "z", "priority": 5, "tenant": "", "key": "", "slots": 1, "gpu": "", "prefer": ""}], "r")
        self.finish(0)
        state = self.shard.state
        assert not (state.open or state.runs or state.assignments or state.queues.shapes)
        assert not (state.limits or state.clocks), "what decides the order is kept for nobody"
        live = state.live
        assert not (live.filling or live.idle or live.refilling or live.dirty)


@settings(max_examples=400, deadline=None)
@given(st.lists(OPERATIONS, max_size=40))
def test_every_assignment_is_the_plain_dispatchers_and_nothing_leaks(history: list[tuple[object, ...]]) -> None:
    world = World()
    for name, *arguments in history:
        getattr(world, str(name))(*arguments)
    world.drain()


@settings(max_examples=200, deadline=None)
@given(st.lists(OPERATIONS, max_size=40))
def test_a_restored_shard_goes_on_as_one_that_was_never_stopped(history: list[tuple[object, ...]]) -> None:
    journals = []
    for restarts in (True, False):
        world = World()
        for name, *arguments in history:
            if name != "restart" or restarts:
                getattr(world, str(name))(*arguments)
        world.drain()
        journals.append(world.shard.journal)
    assert journals[0] == journals[1]
