"""Checkpoints of a decision shard: what they write, what they restore, and what stays in memory."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.contracts.control_commands import PauseWorkflow, ResumeWorkflow, RetryWorkflow
from headrace.contracts.message import Message
from headrace.contracts.task_events import TaskScheduled
from headrace.contracts.timer_events import TimerFired
from headrace.contracts.workflow_events import WorkflowStarted, WorkflowSucceeded
from headrace.engine.context import Limits
from headrace.engine.timers import TimerHeap
from tests.unit.engine.decision_shard import DecisionShard, contents, names, only
from tests.unit.engine.workflows import CHAIN, LEASED, LIMITED, PARENT, RETRYING, SLEEPER, WIDE, sequence, spread

FEW = Limits(live_coroutines=2, live_runs=2)
MANY = Limits()
WORKFLOWS = (CHAIN, RETRYING, WIDE, SLEEPER, PARENT, LEASED, LIMITED, sequence, spread)
STARTS: dict[str, Any] = {
    "chain": {},
    "retrying": {},
    "wide": {"items": [1, 2, 3]},
    "sleeper": {},
    "parent": {},
    "leased": {},
    "limited": {},
    "sequence": {"n": 3},
    "spread": {"items": [3, 1]},
}
OPERATED = {"pause": PauseWorkflow, "resume": ResumeWorkflow, "retry": RetryWorkflow}
MOVES = st.lists(
    st.tuples(
        st.sampled_from(
            ["start", "complete", "complete", "fail", "time", "cancel", "terminate", "previous", *OPERATED]
        ),
        st.integers(0, 30),
        st.sampled_from(["", "", "checkpoint", "restart"]),
    ),
    max_size=30,
)


def play(moves: list[tuple[str, int, str]], limits: Limits, *, from_checkpoints: bool) -> DecisionShard:
    """Make moves on many workflows; with `from_checkpoints`, a restart goes on from the snapshot."""
    shard = DecisionShard(*WORKFLOWS, limits=limits)
    for move, number, then in moves:
        make(shard, move, number)
        if then == "checkpoint":
            shard.checkpoint()
        elif then == "restart" and from_checkpoints:
            shard.take_over()
    shard.checkpoint()
    return shard


def make(shard: DecisionShard, move: str, number: int) -> None:
    tasks = [event for event in shard.journal if isinstance(event, TaskScheduled)]
    due = shard.decider.due_at(shard.state)
    if move == "start":
        name = list(STARTS)[number % len(STARTS)]
        shard.start(name, STARTS[name], workflow_id=f"w{number % 7}", command_id=f"c{number}", if_exists="rerun")
    elif move == "complete" and tasks:
        shard.complete(tasks[number % len(tasks)], number)
    elif move == "fail" and tasks:
        shard.fail(tasks[number % len(tasks)])
    elif move == "time" and due is not None:
        shard.tick(due)
    elif move == "cancel":
        shard.cancel(f"w{number % 7}")
    elif move == "terminate":
        shard.terminate(f"w{number % 7}")
    elif move == "previous":
        shard.hear(ended(number))
    elif move in OPERATED:
        command = OPERATED[move]
        shard.command(command(command_id=f"{move}{number}", workflow_id=f"w{number % 7}", issued_at=0))


def ended(number: int) -> Message:
    return WorkflowSucceeded(
        workflow_id="elsewhere", run_id="r", name="chain", key=f"k{number % 3}", output=b"%d" % number, at=number
    )


@settings(max_examples=60, deadline=None)
@given(MOVES)
def test_a_shard_that_restarts_from_checkpoints_decides_what_one_that_lives_on_does(
    moves: list[tuple[str, int, str]],
) -> None:
    live = play(moves, MANY, from_checkpoints=False)
    assert play(moves, FEW, from_checkpoints=True).journal == live.journal


@settings(max_examples=40, deadline=None)
@given(MOVES)
def test_packed_runs_are_the_same_as_live_ones(moves: list[tuple[str, int, str]]) -> None:
    live, packed = (play(moves, limits, from_checkpoints=False) for limits in (MANY, FEW))
    assert packed.journal == live.journal
    assert contents(packed.state) == contents(live.state)
    assert packed.state.runs.live() <= 2
    assert {key: value for key, value in packed.entries.items() if key[0] == "r"} == {
        key: value for key, value in live.entries.items() if key[0] == "r"
    }


def test_what_began_and_ended_between_two_checkpoints_leaves_only_its_id() -> None:
    shard = DecisionShard(CHAIN)
    shard.start("chain")
    shard.terminate()
    shard.start("chain", workflow_id="open")
    shard.checkpoint()
    assert sorted(shard.entries) == ["c/0000000000/000000", "f/w", "o/0000000000/000000", "r/open", "s"]
    shard.terminate("open")
    assert ("r/open", None) in list(shard.decider.changes(shard.state))
    assert not list(shard.decider.changes(shard.state))


def test_checkpoints_let_go_of_what_rests() -> None:
    shard = DecisionShard(CHAIN, SLEEPER)
    for number in range(20):
        shard.start("sleeper" if number % 2 else "chain", workflow_id=f"w{number}")
    # A workflow that only sleeps needs no live coroutine from the beginning.
    assert (len(shard.activations), shard.state.runs.live()) == (10, 20)
    shard.checkpoint()
    shard.checkpoint()
    assert (len(shard.activations), shard.state.runs.live()) == (0, 0)
    due = shard.decider.due_at(shard.state)
    assert due is not None
    assert shard.state.runs.live() == 0, "Expected the next timer to be found without unpacking a run"
    fired = [event for event in shard.tick(due) if isinstance(event, TimerFired)]
    assert sorted(event.workflow_id for event in fired) == sorted(f"w{number}" for number in range(1, 20, 2))


def test_a_long_record_stays_live_while_there_is_room() -> None:
    shard = DecisionShard(sequence)
    task = only(shard.start("sequence", {"n": 100}), TaskScheduled)
    for _ in range(70):
        task = only(shard.complete(task), TaskScheduled)
    for _ in range(3):
        shard.checkpoint()
    assert (len(shard.activations), shard.state.runs.live()) == (1, 1)


def test_timers_of_what_has_ended_do_not_gather() -> None:
    heap = TimerHeap()
    kept = {f"w{number}" for number in range(0, 5_000, 1_000)}
    for number in range(5_000):
        heap.set(number, f"w{number}", 0)
        if heap.crowded:
            heap.sweep(lambda workflow_id, _step, _due: workflow_id in kept)
    assert len(heap) < 1_100
    first = heap.first()
    assert first is not None and first[1] == "w0"


@pytest.mark.parametrize("limits", [{"previous_limit": 2}, {"previous_bytes": 5}], ids=["number", "size"])
def test_last_results_are_bounded_and_the_oldest_goes(limits: dict[str, int]) -> None:
    shard = DecisionShard(CHAIN, limits=Limits(**limits))
    for number in (10, 11, 12, 10):
        shard.hear(ended(number))
        shard.checkpoint()
    assert list(shard.state.previous) == [("chain", "k0"), ("chain", "k1")]
    assert sum(key.startswith("p/") for key in shard.entries) == 2
    shard.take_over()
    started = only(shard.start("chain", key="k1"), WorkflowStarted)
    assert started.previous == b"10"
    assert names(shard.hear(ended(12))) == ["PreviousRecorded"]
    assert list(shard.state.previous) == [("chain", "k1"), ("chain", "k0")]
