"""Random histories: the resource manager against a plain model of what it promises."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.contracts.message import Message
from headrace.contracts.resource_events import LeaseGranted
from tests.unit.resources.resource_shard import ResourceShard, ended, request

# The last one is not declared at first.
RESOURCES = ["parser", "gpu", "later"]
RUNS = ["a", "b", "c"]
steps = st.integers(0, 3)
asks = st.tuples(
    st.just("ask"),
    st.sampled_from(RUNS),
    steps,
    st.integers(1, 4),
    st.sampled_from([1, 5, 9]),
    st.sampled_from(RESOURCES),
)
ends = st.tuples(
    st.sampled_from(["TaskSucceeded", "TaskFailed", "TaskTimedOut", "TaskCancelled", "TaskReleased"]),
    st.sampled_from(RUNS),
    steps,
)
run_ends = st.tuples(st.just("WorkflowFailed"), st.sampled_from(RUNS), st.just(0))
declarations = st.tuples(st.just("declare"), st.sampled_from(RESOURCES), st.integers(1, 5))
histories = st.lists(st.one_of(asks, asks, ends, ends, run_ends, declarations), max_size=60)


@dataclass
class Wish:
    """One attempt's wish, as the model sees it."""

    key: tuple[str, int]
    resource: str
    units: int
    priority: int
    number: int
    held: bool = False


@dataclass
class Model:
    """The promise in its plainest form: lists that are searched and sorted anew at every step."""

    capacity: dict[str, int] = field(default_factory=lambda: {"parser": 3, "gpu": 2})
    wishes: list[Wish] = field(default_factory=list)
    count: int = 0

    def ask(self, run: str, step: int, units: int, priority: int, resource: str) -> None:
        if any(wish.key == (run, step) for wish in self.wishes) or units > self.capacity.get(resource, units):
            return
        self.count += 1
        self.wishes.append(Wish((run, step), resource, units, priority, self.count))

    def drop(self, run: str, step: int | None) -> None:
        self.wishes = [w for w in self.wishes if w.key[0] != run or (step is not None and w.key[1] != step)]

    def declare(self, resource: str, capacity: int) -> None:
        self.capacity[resource] = capacity
        self.wishes = [w for w in self.wishes if w.held or w.resource != resource or w.units <= capacity]

    def settle(self) -> set[tuple[str, int]]:
        for resource, capacity in self.capacity.items():
            mine = [wish for wish in self.wishes if wish.resource == resource]
            for wish in sorted((w for w in mine if not w.held), key=lambda w: (-w.priority, w.number)):
                if sum(w.units for w in mine if w.held) + wish.units > capacity:
                    break
                wish.held = True
        return {wish.key for wish in self.wishes if wish.held}


class Run:
    """A history, played to the shard and to the model."""

    def __init__(self) -> None:
        self.shard = ResourceShard()
        self.model = Model()
        for resource, capacity in self.model.capacity.items():
            self.shard.declare(resource, capacity)

    def play(self, step: tuple) -> list[Message]:
        match step:
            case ("ask", run, number, units, priority, resource):
                self.model.ask(run, number, units, priority, resource)
                return self.shard.record(request(run, number, units=units, priority=priority, resource=resource))
            case ("declare", resource, capacity):
                self.model.declare(resource, capacity)
                return self.shard.declare(resource, capacity)
            case (kind, run, number):
                self.model.drop(run, None if kind == "WorkflowFailed" else number)
                return self.shard.record(ended(kind, run, number))
        raise AssertionError(step)


@settings(max_examples=300, deadline=None)
@given(histories)
def test_it_behaves_like_the_plain_model(history: list[tuple]) -> None:
    run = Run()
    for step in history:
        events = run.play(step)
        held = {(claim.holder.run_id, claim.holder.step) for claim in run.shard.state.claims() if claim.token}
        assert held == run.model.settle()
        for name, resource in run.shard.state.resources.items():
            claims = [claim for claim in run.shard.state.claims() if claim.resource == name]
            assert resource.held == sum(claim.units for claim in claims if claim.token)
            assert {id(claim) for claim in resource.waiting} == {id(claim) for claim in claims if not claim.token}
            granted = any(isinstance(event, LeaseGranted) and event.resource == name for event in events)
            assert not granted or resource.held <= resource.capacity


@settings(max_examples=100, deadline=None)
@given(histories)
def test_tokens_grow_and_nothing_leaks(history: list[tuple]) -> None:
    run = Run()
    for step in history:
        run.play(step)
    for name in RESOURCES:
        tokens = [e.fencing_token for e in run.shard.journal if isinstance(e, LeaseGranted) and e.resource == name]
        assert tokens == list(range(1, len(tokens) + 1))
    for run_id in RUNS:
        run.play(("WorkflowFailed", run_id, 0))
    assert not run.shard.state.runs and not run.shard.decider.has_pending(run.shard.state)
    assert all(resource.held == 0 and not resource.waiting for resource in run.shard.state.resources.values())
