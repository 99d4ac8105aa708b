"""Waiting attempts against a plain list: the head is the same, whatever was asked in between."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.contracts.task_rules import TaskLimit, TaskRules
from headrace_execution.dispatcher.fairness import Turn
from headrace_execution.dispatcher.lanes import Attempt, Gates, Order
from headrace_execution.dispatcher.queues import Queues
from headrace_execution.dispatcher.rules import KEY, TASK, LimitKey
from tests.unit.execution.dispatcher_shard import scheduled

TENANTS = ("", "a", "b")
KEYS = ("", "k", "l")
SOME = st.integers(0, 30)
STEPS = st.one_of(
    st.tuples(st.just("put"), st.sampled_from(TENANTS), st.sampled_from(KEYS), st.integers(4, 6)),
    st.tuples(st.just("put"), st.sampled_from(TENANTS), st.sampled_from(KEYS), st.integers(4, 6)),
    st.tuples(st.just("remove"), SOME),
    st.tuples(st.just("again"), SOME),
    st.tuples(st.just("serve")),
    st.tuples(st.just("flip"), st.sampled_from(KEYS[1:])),
    st.tuples(st.just("flip"), st.just("t")),
    st.tuples(st.just("look")),
)


class Bench:
    """Queues, and the list that they are held against."""

    def __init__(self, *, curious: bool) -> None:
        self.queues = Queues()
        self.waiting: list[Attempt] = []
        self.left: list[Attempt] = []
        self.turns = {(priority, tenant): Turn(0.0) for priority in range(10) for tenant in TENANTS}
        self.reached: set[LimitKey] = set()
        self.served: list[int] = []
        self._arrivals = count(1)
        self._curious = curious

    def put(self, tenant: str, key: str, priority: int) -> None:
        limits = [TaskLimit(scope=TASK, name="t")] + ([TaskLimit(scope=KEY, name=key)] if key else [])
        rules = TaskRules(fairness_key=tenant, limits=limits)
        arrival = next(self._arrivals)
        task = scheduled(arrival, priority=priority, rules=rules)
        self._enter(Attempt(key=("run", arrival, 1), task=task, shard=0, arrival=arrival, losses=0))

    def remove(self, pick: int) -> None:
        if self.waiting:
            self._leave(self.waiting[pick % len(self.waiting)])

    def again(self, pick: int) -> None:
        """An attempt that was given away comes back to its old place."""
        if self.left:
            self._enter(self.left.pop(pick % len(self.left)))

    def serve(self) -> None:
        found = self._head()
        expected = min(map(self._order, filter(self._may_begin, self.waiting)), default=None)
        assert (None if found is None else found[0]) == expected
        if found is None:
            return
        self.served.append(found[1].arrival)
        self._leave(found[1])
        self._turn(found[1]).tag += 1.0

    def flip(self, name: str) -> None:
        gate = ("q", TASK if name == "t" else KEY, name)
        if gate in self.reached:
            self.reached.discard(gate)
            self.queues.opened(gate)
        else:
            self.reached.add(gate)

    def look(self) -> None:
        if self._curious:
            self._head()

    def _head(self) -> tuple[Order, Attempt] | None:
        heads = [shape.head(self._closed) for shapes in self.queues.shapes.values() for shape in shapes.values()]
        return heads[0] if heads else None

    def _closed(self, gates: Gates) -> LimitKey | None:
        return next((gate for gate in gates if gate in self.reached), None)

    def _may_begin(self, attempt: Attempt) -> bool:
        assert attempt.task.rules is not None
        return not any(("q", limit.scope, limit.name) in self.reached for limit in attempt.task.rules.limits)

    def _order(self, attempt: Attempt) -> Order:
        return (-attempt.task.priority, self._turn(attempt).tag, attempt.arrival)

    def _turn(self, attempt: Attempt) -> Turn:
        assert attempt.task.rules is not None
        return self.turns[attempt.task.priority, attempt.task.rules.fairness_key]

    def _enter(self, attempt: Attempt) -> None:
        self.waiting.append(attempt)
        self.queues.put(attempt, self._turn(attempt))

    def _leave(self, attempt: Attempt) -> None:
        self.waiting.remove(attempt)
        self.left.append(attempt)
        self.queues.remove(attempt)


@settings(max_examples=500, deadline=None)
@given(st.lists(STEPS, max_size=80))
def test_the_head_is_the_first_of_the_list_whatever_was_asked_in_between(steps: list[tuple[object, ...]]) -> None:
    served = []
    for curious in (True, False):
        bench = Bench(curious=curious)
        for name, *arguments in steps:
            getattr(bench, str(name))(*arguments)
        bench.reached.clear()
        for gate in [("q", KEY, key) for key in KEYS[1:]]:
            bench.queues.opened(gate)
        while bench.waiting:
            bench.serve()
        assert not bench.queues.shapes
        served.append(bench.served)
    assert served[0] == served[1]


@pytest.mark.parametrize("asks", [True, False])
def test_an_attempt_that_must_run_alone_is_no_head_even_if_it_waited_before_without(asks: bool) -> None:
    """A live shard has asked for the head in between, and a replay has not: both must say the same afterwards."""
    queues = Queues()
    other, attempt = (
        Attempt(key=("run", arrival, 1), task=scheduled(), shard=0, arrival=arrival, losses=0) for arrival in (1, 2)
    )
    queues.put(other, Turn(0.0))
    (shape,) = queues.shapes["q"].values()
    queues.put(attempt, Turn(0.0))
    queues.remove(attempt)
    if asks:
        assert shape.head(lambda _: None) is not None
    attempt.alone = True
    queues.put(attempt, Turn(0.0))
    queues.remove(other)
    assert shape.head(lambda _: None) is None


def test_what_a_limit_holds_back_costs_nobody_a_search() -> None:
    """Ten thousand keys are at their limits; the attempt behind them is found without asking each of them again."""
    queues, asked = Queues(), 0
    turn = Turn(0.0)
    for arrival in range(10_000):
        rules = TaskRules(limits=[TaskLimit(scope=KEY, name=f"k{arrival}")])
        task = scheduled(arrival, rules=rules)
        queues.put(Attempt(key=("run", arrival, 1), task=task, shard=0, arrival=arrival, losses=0), turn)
    last = Attempt(key=("run", 10_000, 1), task=scheduled(10_000, rules=TaskRules()), shard=0, arrival=10_000, losses=0)
    queues.put(last, turn)
    (shape,) = queues.shapes["q"].values()

    def closed(gates: Gates) -> LimitKey | None:
        nonlocal asked
        asked += 1
        return gates[0] if gates else None

    for _ in range(100):
        found = shape.head(closed)
        assert found is not None and found[1] is last
    assert asked < 10_000 + 300
