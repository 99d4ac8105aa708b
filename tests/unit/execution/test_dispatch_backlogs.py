"""Backlogs at the dispatcher: told when they are full and when there is room, and shared out among decision shards."""

from __future__ import annotations

import pytest

from headrace.contracts.backlog_events import RoomRequested
from headrace.contracts.dispatch_events import BacklogCleared, BacklogFull, QueueLimited, RoomGranted, RoomQueued
from headrace.contracts.partition import shard_of
from headrace_execution.dispatcher.decider import DispatcherDecider
from headrace_execution.dispatcher.limits import QueueLimit
from headrace_execution.dispatcher.round import DispatchLimits
from tests.unit.execution.dispatcher_shard import DispatcherShard, scheduled, succeeded


def limited(backlog: int, *, when_full: str = "wait", decision_shards: int = 1) -> DispatcherShard:
    shard = DispatcherShard()
    change(shard, backlog, when_full=when_full, decision_shards=decision_shards)
    shard.state, shard.replayed = shard.decider.initial(), shard.decider.initial()
    shard.hello("a", 1)
    return shard


def change(shard: DispatcherShard, backlog: int, *, when_full: str = "wait", decision_shards: int = 1) -> None:
    """Give a shard other settings, as a new process of it has them."""
    queues = (QueueLimit(queue="q", backlog=backlog, when_full=when_full),) if backlog else ()
    shard.decider = DispatcherDecider(limits=DispatchLimits(queues=queues), decision_shards=decision_shards)


def end_one(shard: DispatcherShard) -> None:
    shard.record(succeeded(shard.assigned_to("a")[-1]))


def granted(shard: DispatcherShard) -> list[tuple[int, int]]:
    return [(event.to_shard, event.room) for event in shard.of(RoomGranted)]


@pytest.mark.parametrize("when_full", ["wait", "refuse"])
def test_a_full_backlog_is_told_and_told_again_when_a_fifth_of_it_is_free(when_full: str) -> None:
    shard = limited(5, when_full=when_full)
    shard.record(*(scheduled(step) for step in range(4)), *(scheduled(step, queue="other") for step in range(10, 20)))
    assert not shard.of(BacklogFull)
    shard.record(*(scheduled(step) for step in range(4, 8)))
    (full,) = shard.of(BacklogFull)
    assert (full.queue, full.waiting, full.backlog, full.when_full) == ("q", 7, 5, when_full)
    shard.take_over_from_checkpoint()
    shard.record(scheduled(7))
    while not shard.of(BacklogCleared):
        end_one(shard)
    (cleared,) = shard.of(BacklogCleared)
    assert shard.state.queues.waiting["q"] == cleared.waiting == 4
    assert cleared.room == (1 if when_full == "wait" else -1)
    assert len(shard.of(BacklogFull)) == 1


def test_all_decision_shards_are_told_and_share_the_room_evenly() -> None:
    shard = limited(100, decision_shards=4)
    shard.record(*(scheduled(step) for step in range(102)))
    while not shard.of(BacklogCleared):
        end_one(shard)
    (cleared,) = shard.of(BacklogCleared)
    assert cleared.room == 5
    everybody = ("d0", "d1", "d2", "d3")
    assert shard.decider.addressees(cleared) == shard.decider.addressees(shard.of(BacklogFull)[0]) == everybody
    assert shard.decider.addressees(RoomGranted(queue="q", to_shard=2, room=1, at=0)) == ("d2",)


def test_a_small_backlog_leaves_room_for_one() -> None:
    shard = limited(1, decision_shards=4)
    shard.record(scheduled(0), scheduled(1))
    end_one(shard)
    assert [event.room for event in shard.of(BacklogCleared)] == [1]


@pytest.mark.parametrize("restart", ["", "take_over", "take_over_from_checkpoint"])
def test_who_asks_for_room_gets_it_once_there_is_some(restart: str) -> None:
    shard = limited(10, decision_shards=2)
    shard.record(RoomRequested(queue="q", held=7, at=0), shard=1)
    assert granted(shard) == [(1, 5)]
    shard.record(*(scheduled(step) for step in range(10)))
    shard.record(RoomRequested(queue="q", held=3, at=0), shard=0)
    assert shard.of(RoomQueued)[-1].held == 3
    assert granted(shard) == [(1, 5)]  # nine wait: not a fifth is free
    if restart:
        getattr(shard, restart)()
    end_one(shard)
    assert granted(shard) == [(1, 5), (0, 1)]
    assert not shard.state.requests


def test_who_asks_while_it_is_full_is_told_with_all_the_others() -> None:
    shard = limited(5)
    shard.record(*(scheduled(step) for step in range(8)))
    shard.record(RoomRequested(queue="q", held=3, at=0))
    while not shard.of(BacklogCleared):
        end_one(shard)
    assert not shard.of(RoomGranted)
    assert not shard.state.requests


def test_room_of_a_queue_of_another_dispatcher_is_none_of_its_business() -> None:
    shard = DispatcherShard(number=1 - shard_of("q", 2), shards=2)
    shard.record(RoomRequested(queue="q", held=7, at=0))
    assert shard.journal == []


def test_a_backlog_that_is_not_set_any_more_is_not_full_and_has_room_for_all() -> None:
    shard = limited(1)
    shard.record(scheduled(0), scheduled(1))
    assert shard.of(BacklogFull)
    change(shard, 0)
    shard.take_over_from_checkpoint()
    shard.record(scheduled(2))
    assert [event.room for event in shard.of(BacklogCleared)] == [-1]
    shard.record(RoomRequested(queue="q", held=7, at=0))
    assert granted(shard) == [(0, -1)]


def test_another_policy_is_told_to_those_who_know_the_old_one() -> None:
    shard = limited(1)
    shard.record(scheduled(0), scheduled(1), scheduled(2))
    change(shard, 1, when_full="refuse")
    shard.take_over_from_checkpoint()
    shard.record(scheduled(3))
    assert [event.when_full for event in shard.of(BacklogFull)] == ["wait", "refuse"]
    assert [event.room for event in shard.of(BacklogCleared)] == [-1]


def test_limits_of_queues_are_told_once_and_when_they_change() -> None:
    shard = limited(5)
    shard.record(scheduled(0))
    shard.take_over_from_checkpoint()
    shard.record(scheduled(1))
    assert [(event.queue, event.backlog, event.when_full) for event in shard.of(QueueLimited)] == [("q", 5, "wait")]
    change(shard, 6, when_full="refuse")
    shard.take_over_from_checkpoint()
    shard.record(scheduled(2))
    assert [(event.backlog, event.when_full) for event in shard.of(QueueLimited)[1:]] == [(6, "refuse")]
    change(shard, 0)
    shard.take_over_from_checkpoint()
    shard.record(scheduled(3))
    assert shard.of(QueueLimited)[2:] == [QueueLimited(queue="q", at=shard.now_ms)]
    assert not shard.state.limited


def test_limits_are_told_by_the_dispatcher_of_the_queue_alone() -> None:
    queues = (QueueLimit(queue="q", at_once=3),)
    for number in range(2):
        shard = DispatcherShard(DispatchLimits(queues=queues), number=number, shards=2)
        shard.hello("a")
        assert len(shard.of(QueueLimited)) == int(shard_of("q", 2) == number)
