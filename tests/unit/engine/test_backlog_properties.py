"""Decision shards and a dispatcher with a bounded backlog, under random histories: whatever comes first, and whoever
restarts, nothing is lost, nothing is stuck, and what waits at the dispatcher is bounded.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

import pytest

from headrace.contracts.dispatch_events import TaskAssigned
from headrace.contracts.message import Message
from headrace.contracts.partition import shard_of
from headrace.contracts.task_events import TaskScheduled
from headrace.contracts.topics import TASK_JOURNAL
from headrace.contracts.workflow_events import WorkflowStarted, WorkflowSucceeded, WorkflowTerminated
from headrace.engine.context import Limits, Shards
from headrace_execution.dispatcher.decider import DispatcherDecider
from headrace_execution.dispatcher.limits import QueueLimit
from headrace_execution.dispatcher.round import DispatchLimits
from tests.unit.engine.decision_shard import DecisionShard
from tests.unit.execution.dispatcher_shard import DispatcherShard

WIDE = {
    "name": "wide",
    "tasks": {"a": {"task": "t", "foreach": "{% $input.items %}", "priority": "{% $input.priority %}"}},
}
SHARDS = 2


class World:
    """Two decision shards and a dispatcher; their journals are read in order, each when its reader comes to it."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.decisions = [
            DecisionShard(
                WIDE,
                shards=Shards(shard=number, decision=SHARDS),
                limits=Limits(decision_bytes=2_000),
                replays=seed % 5 == 0,
            )
            for number in range(SHARDS)
        ]
        for number, decision in enumerate(self.decisions):
            decision._offset += number * 1_000_000  # run ids follow from offsets
        self.dispatcher = DispatcherShard()
        self.backlog = self.random.randint(1, 12)
        self.settings(self.backlog, "wait")
        self.dispatcher.state = self.dispatcher.decider.initial()
        self.dispatcher.replayed = self.dispatcher.decider.initial()
        self.dispatcher.hello("w", 2, queue="default")
        self.to_dispatcher: list[list[Message]] = [[] for _ in range(SHARDS)]
        self.to_decision: list[list[Message]] = [[] for _ in range(SHARDS)]
        self.assigned: list[TaskAssigned] = []
        self.started: set[str] = set()
        self.ended: set[str] = set()
        self.scheduled: set[tuple[str, int]] = set()
        self.ran: list[tuple[str, int]] = []
        self.terminated: set[str] = set()

    def settings(self, backlog: int, when_full: str) -> None:
        queues = (QueueLimit(queue="default", backlog=backlog, when_full=when_full),) if backlog else ()
        self.dispatcher.decider = DispatcherDecider(limits=DispatchLimits(queues=queues), decision_shards=SHARDS)

    # --- what may happen --------------------------------------------------------------------------------

    def start(self) -> None:
        self.start_on(self.random.randrange(SHARDS), self.random.choice([1, 2, 30]))

    def start_on(self, shard: int, items: int) -> None:
        """Start a workflow with so many tasks on a shard."""
        name = f"w{len(self.started)}"
        while self.shard_of(name) != shard:
            name += "x"
        fields = {"items": list(range(items)), "priority": self.random.choice([2, 5, 9])}
        self.took(shard, self.decisions[shard].start("wide", fields, workflow_id=name, command_id=f"c-{name}"))

    def shard_of(self, workflow_id: str) -> int:
        return shard_of(workflow_id, SHARDS)

    def read_decision(self, shard: int) -> None:
        if self.to_dispatcher[shard]:
            events = self._some(self.to_dispatcher[shard])
            self.dispatched(self.dispatcher.record(*events, shard=shard))

    def read_dispatcher(self, shard: int) -> None:
        if self.to_decision[shard]:
            events = self._some(self.to_decision[shard])
            self.took(shard, self.decisions[shard].hear(*events, topic=TASK_JOURNAL))

    def complete(self) -> None:
        if self.assigned:
            given = self.assigned.pop(self.random.randrange(len(self.assigned)))
            shard = self.shard_of(given.task.workflow_id)
            self.ran.append((given.task.workflow_id, given.task.step))
            self.took(shard, self.decisions[shard].complete(given.task, assignment=given.assignment))

    def terminate(self) -> None:
        running = sorted(self.started - self.ended)
        if running:
            name = self.random.choice(running)
            shard = self.shard_of(name)
            self.took(shard, self.decisions[shard].terminate(name))
            self.terminated.add(name)
            self.assigned = [each for each in self.assigned if each.task.workflow_id != name]

    def report(self) -> None:
        # The worker drops what it is told to stop.
        held = self.dispatcher.state.assignments.items()
        holds = [number for number, each in held if each.attempt.task.workflow_id not in self.terminated]
        self.dispatched(self.dispatcher.report("w", holds=holds))

    def restart(self) -> None:
        what = self.random.choice(["decision", "take_over", "take_over_from_checkpoint", "settings"])
        if what == "decision":
            self.random.choice(self.decisions).take_over()
            return
        if what == "settings":
            self.settings(self.random.choice([0, self.backlog]), self.random.choice(["wait", "wait", "refuse"]))
            what = "take_over_from_checkpoint"
        self.new_dispatcher(what)

    def new_dispatcher(self, how: str = "take_over_from_checkpoint") -> None:
        before = len(self.dispatcher.journal)
        getattr(self.dispatcher, how)()
        self.dispatched(self.dispatcher.journal[before:])
        self.report()

    # --- what follows --------------------------------------------------------------------------------

    def took(self, shard: int, events: Iterable[Message]) -> None:
        """Take in what a decision shard has decided, with all that is pending."""
        decision = self.decisions[shard]
        found = list(events)
        while decision.decider.has_pending(decision.state):
            more = decision.resume()
            assert more, "Expected progress in a pending round, but there was none"
            found += more
        for event in found:
            if isinstance(event, WorkflowStarted):
                self.started.add(event.workflow_id)
            elif isinstance(event, WorkflowSucceeded | WorkflowTerminated):
                self.ended.add(event.workflow_id)
            elif isinstance(event, TaskScheduled):
                assert (event.workflow_id, event.step) not in self.scheduled
                self.scheduled.add((event.workflow_id, event.step))
            if any(to.startswith("x") for to in decision.decider.addressees(event)):
                self.to_dispatcher[shard].append(event)

    def dispatched(self, events: Iterable[Message]) -> None:
        for event in events:
            if isinstance(event, TaskAssigned):
                self.assigned.append(event)
            for to in self.dispatcher.decider.addressees(event):
                if to.startswith("d"):
                    self.to_decision[int(to[1:])].append(event)

    def _some(self, events: list[Message]) -> list[Message]:
        count = self.random.randint(1, len(events))
        found, events[:] = events[:count], events[count:]
        return found

    def something(self, others: list[Callable[[], None]]) -> None:
        """Let one of these things happen, or let somebody read."""
        shard = self.random.randrange(SHARDS)
        what = self.random.randrange(len(others) + 2)
        if what == 0:
            self.read_decision(shard)
        elif what == 1:
            self.read_dispatcher(shard)
        else:
            others[what - 2]()

    def drain(self) -> None:
        """Let everything come to its end, in any order."""
        self.settings(self.backlog, "wait")
        self.new_dispatcher()
        for _ in range(20_000):
            if self.started == self.ended and not any((*self.to_dispatcher, *self.to_decision)):
                return
            self.something([self.complete, self.report])
        held = {name: each.state.backlogs.runs for each in self.decisions for name in each.state.backlogs.runs}
        pytest.fail(f"Expected all workflows to end, but {sorted(self.started - self.ended)} wait; held: {list(held)}")


@pytest.mark.parametrize("seed", range(40))
def test_nothing_is_lost_or_stuck_whatever_comes_first(seed: int) -> None:
    world = World(seed)
    often = [world.start, world.complete, world.complete]
    for _ in range(150):
        world.something(
            often if world.random.random() < 0.9 else [*often, world.terminate, world.restart, world.report]
        )
    world.drain()
    for decision in world.decisions:
        assert not decision.state.backlogs.runs
        assert not any(backlog.entries for backlog in decision.state.backlogs.queues.values())
    assert not world.dispatcher.state.open
    assert not world.dispatcher.state.requests
    ran = [each for each in world.ran if each[0] not in world.terminated]
    assert len(ran) == len(set(ran))


@pytest.mark.parametrize("shards_that_start", [1, 2])
def test_what_waits_at_the_dispatcher_is_bounded_however_large_a_fan_out_is(shards_that_start: int) -> None:
    world = World(3)
    world.settings(10, "wait")
    world.new_dispatcher()
    everybody_reads(world)
    for shard in range(shards_that_start):
        world.start_on(shard, 300)
    while world.started != world.ended:
        everybody_reads(world)
        assert world.dispatcher.state.queues.waiting.get("default", 0) <= 20
        world.complete()
    assert len(world.ran) == 300 * shards_that_start


def everybody_reads(world: World) -> None:
    while any((*world.to_dispatcher, *world.to_decision)):
        for shard in range(SHARDS):
            world.read_decision(shard)
            world.read_dispatcher(shard)
