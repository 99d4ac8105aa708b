"""A resource shard's checkpoints: a snapshot restores to the state, under random histories, and decides the same."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace_resources.decide.limits import DECLARATION_WAIT_MS
from headrace_resources.decider import ResourceDecider
from tests.unit.resources.resource_shard import ResourceShard, ended, request
from tests.unit.resources.test_lease_properties import RUNS, Run, asks, declarations, ends, run_ends

Step = tuple[object, ...]
steps = st.one_of(asks, asks, ends, ends, run_ends, declarations)
HISTORY = st.lists(st.tuples(steps, st.sampled_from(["", "", "checkpoint", "restart", "wait"])), max_size=40)


def play(history: list[tuple[Step, str]], *, from_checkpoint: bool) -> ResourceShard:
    """Play a history in which the shard is restarted now and then, from its snapshot or from its journal."""
    run = Run()
    for step, then in history:
        run.play(step)
        if then == "checkpoint":
            run.shard.checkpoint()
        elif then == "restart":
            run.shard.take_over(from_checkpoint=from_checkpoint)
        elif then == "wait":
            run.shard.wait(DECLARATION_WAIT_MS // 2)
    run.shard.checkpoint()
    return run.shard


@settings(max_examples=300, deadline=None)
@given(HISTORY)
def test_a_restored_shard_decides_what_a_replayed_one_does(history: list[tuple[Step, str]]) -> None:
    restored, replayed = play(history, from_checkpoint=True), play(history, from_checkpoint=False)
    assert restored.journal == replayed.journal


@settings(max_examples=50, deadline=None)
@given(HISTORY)
def test_only_the_resources_are_left_when_all_has_ended(history: list[tuple[Step, str]]) -> None:
    shard = play(history, from_checkpoint=True)
    for run in RUNS:
        shard.record(ended("WorkflowFailed", run))
    shard.checkpoint()
    declared = [name for name, resource in shard.state.resources.items() if resource.declared]
    assert sorted(shard.entries) == sorted(["s", *(f"r/{name}" for name in declared)])
    assert not (shard.state.runs or shard.state.ending or shard.state.undeclared or shard.state.unsettled)


def test_what_came_and_went_between_two_checkpoints_leaves_no_trace() -> None:
    shard = ResourceShard()
    shard.declare("parser", 1)
    shard.checkpoint()
    shard.record(request("run"))
    shard.feed(None, topic="resource.commands", error="nothing")
    shard.take_over(from_checkpoint=True)
    assert set(shard.entries) == {"s", "r/parser", "c/run/0"}
    assert not list(shard.decider.changes(shard.state))


def test_the_number_of_resources_is_bounded() -> None:
    shard = ResourceShard(most_resources=2)
    names = [f"made-up-{number}" for number in range(4)]
    for name in names[:3]:
        shard.declare(name, 1)
    shard.record(request("run", resource=names[3], capacity=1))
    assert list(shard.state.resources) == names[:2]
    assert [type(event).__name__ for event in shard.journal[2:]] == ["CommandRejected", "LeaseRefused"]
    assert "use few names" in shard.journal[3].cause  # type: ignore[attr-defined]


def test_an_entry_of_a_newer_release_is_refused() -> None:
    with pytest.raises(ValueError, match="start the newer release"):
        ResourceDecider().restored([("z/1", b"")])
