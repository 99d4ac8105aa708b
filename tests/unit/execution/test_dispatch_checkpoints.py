"""A dispatcher's checkpoints: a snapshot restores to the state, under random histories, and decides the same."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace_execution.dispatcher.decider import DispatcherDecider
from tests.unit.execution.dispatcher_shard import DispatcherShard, scheduled, succeeded
from tests.unit.execution.test_dispatch_properties import OPERATIONS, World

HISTORY = st.lists(st.tuples(OPERATIONS, st.sampled_from(["", "", "checkpoint", "restart"])), max_size=40)


def play(history: list[tuple[tuple[object, ...], str]], *, from_checkpoint: bool) -> World:
    """Play a history in which the shard is restarted now and then, from its snapshot or from its journal."""
    world = World()
    for (name, *arguments), then in history:
        getattr(world, str(name))(*arguments)
        if then == "checkpoint":
            world.shard.checkpoint()
        elif then == "restart" and from_checkpoint:
            world.shard.take_over_from_checkpoint()
        elif then == "restart":
            world.shard.take_over()
    world.shard.checkpoint()
    return world


@settings(max_examples=300, deadline=None)
@given(HISTORY)
def test_a_restored_shard_decides_what_a_replayed_one_does(history: list[tuple[tuple[object, ...], str]]) -> None:
    restored, replayed = play(history, from_checkpoint=True), play(history, from_checkpoint=False)
    assert restored.shard.journal == replayed.shard.journal
    restored.drain()


@settings(max_examples=50, deadline=None)
@given(HISTORY)
def test_nothing_is_left_when_all_has_ended(history: list[tuple[tuple[object, ...], str]]) -> None:
    world = play(history, from_checkpoint=True)
    world.drain()
    for worker in list(world.holds):
        world.leave(worker)
    world.shard.pass_time(60_000)  # Those that died are found to be silent.
    world.shard.checkpoint()
    state, live = world.shard.state, world.shard.state.live
    assert list(world.shard.entries) == ["s"]
    assert not (state.workers or state.offers or state.quarantine or state.finished)
    assert not (live.due or live.suspects or live.beats or live.reported or live.held or live.dirty or live.audit)


def test_what_came_and_went_between_two_checkpoints_leaves_no_trace() -> None:
    shard = DispatcherShard()
    shard.hello("a")
    shard.checkpoint()
    for step in range(3):
        shard.record(scheduled(step))
        shard.record(succeeded(shard.assigned_to("a")[-1]))
    assert [key for key, _ in shard.decider.changes(shard.state)] == ["s", "w/a"]
    assert not list(shard.decider.changes(shard.state))


def test_an_entry_of_a_newer_release_is_refused() -> None:
    decider = DispatcherDecider()
    with pytest.raises(ValueError, match="start the newer release"):
        decider.restored([("z/1", b"")])
    with pytest.raises(ValueError, match="Expected format 1 or older"):
        decider.restored([("s", b"\x94\x02\x00\x00\x90")])
    with pytest.raises(ValueError, match="can read"):
        decider.restored([("s", b"\x91\xa1x")])
