"""Given a history, when an input comes, then these events follow."""

from __future__ import annotations

from typing import get_args

import pytest

from headrace.contracts.events import RESOURCE_EVENTS
from headrace.contracts.journal import JournalRecord
from headrace.contracts.message import Message
from headrace.contracts.partition import shard_of
from headrace.contracts.resource_commands import DeclareResource
from headrace.contracts.resource_events import LeaseGranted, LeaseQueued, LeaseRefused, LeaseReleased, ResourceDeclared
from headrace.contracts.workflow_events import CommandRejected, WorkflowTerminated
from headrace.shard.decider import Input
from headrace_resources.decide import EVENT_DECIDERS
from headrace_resources.decide.limits import DECLARATION_WAIT_MS, EVENTS_PER_ROUND
from headrace_resources.decide.run_ended import RunEnding
from headrace_resources.evolve import EVOLVERS, RUN_ENDINGS
from tests.unit.resources.resource_shard import ResourceShard, ended, request, returned

ENDINGS = ["TaskSucceeded", "TaskFailed", "TaskTimedOut", "TaskCancelled", "TaskReleased", "WorkflowFailed"]


def names(events: list[Message]) -> list[str]:
    return [event.type_name() for event in events]


def holders(events: list[Message]) -> list[tuple[str, str, int]]:
    kinds = (LeaseGranted, LeaseQueued, LeaseReleased, LeaseRefused)
    return [(e.type_name(), e.holder.run_id, e.holder.step) for e in events if isinstance(e, kinds)]


def test_every_event_of_the_journal_has_an_evolver() -> None:
    assert set(EVOLVERS) == {*RESOURCE_EVENTS, CommandRejected}


def test_every_end_of_a_run_has_a_decider() -> None:
    assert set(RUN_ENDINGS) == set(get_args(RunEnding)) <= set(EVENT_DECIDERS)


def test_an_unknown_resource_with_a_capacity_is_declared_and_granted() -> None:
    shard = ResourceShard()
    declared, granted = shard.record(request(capacity=2, units=2), shard=3)
    assert isinstance(declared, ResourceDeclared) and declared.capacity == 2
    assert isinstance(granted, LeaseGranted)
    assert (granted.units, granted.fencing_token, granted.to_shard, granted.holder.shard) == (2, 1, 3, 3)
    assert shard.decider.addressees(granted) == ("d3",)


def test_an_unknown_resource_without_a_capacity_is_refused_after_a_while() -> None:
    shard = ResourceShard()
    assert names(shard.record(request(), shard=1)) == ["LeaseQueued"]
    assert shard.wait(DECLARATION_WAIT_MS - 1) == []
    (refused,) = shard.wait(1)
    assert not shard.state.resources and not shard.state.undeclared
    assert isinstance(refused, LeaseRefused)
    assert refused.error == "headrace.ResourceError" and "'parser' is not known" in refused.cause
    assert shard.decider.addressees(refused) == ("d1",)


@pytest.mark.parametrize("how", ["command", "request"])
def test_a_declaration_that_is_read_after_the_request_still_counts(how: str) -> None:
    shard = ResourceShard()
    shard.record(request("a"), request("large", units=4))
    if how == "command":
        events = shard.declare("parser", 2)
        assert holders(events) == [("LeaseRefused", "large", 0), ("LeaseGranted", "a", 0)]
    else:
        events = shard.record(request("b", capacity=2))
        assert holders(events) == [("LeaseGranted", "a", 0), ("LeaseRefused", "large", 0), ("LeaseGranted", "b", 0)]
    assert shard.wait(10 * DECLARATION_WAIT_MS) == []


def test_a_request_that_ends_before_its_resource_is_declared_leaves_nothing() -> None:
    shard = ResourceShard()
    shard.record(request("a"))
    assert names(shard.record(ended("WorkflowFailed", "a"))) == ["LeaseReleased"]
    assert not shard.state.resources and shard.decider.due_at(shard.state) is None


@pytest.mark.parametrize("units", [0, -1, 3])
def test_units_that_can_never_be_granted_are_refused(units: int) -> None:
    shard = ResourceShard()
    shard.declare("parser", 2)
    assert names(shard.record(request(units=units))) == ["LeaseRefused"]


def test_a_declaration_wins_over_the_capacity_of_a_request() -> None:
    shard = ResourceShard()
    shard.declare("parser", 1)
    shard.record(request("a", capacity=9))
    assert names(shard.record(request("b", capacity=9))) == ["LeaseQueued"]


@pytest.mark.parametrize("kind", ENDINGS)
def test_every_ending_gives_a_lease_back_to_the_next_in_turn(kind: str) -> None:
    shard = ResourceShard()
    shard.declare("parser", 1)
    shard.record(request("a"))
    shard.record(request("b"))
    released, granted = shard.record(ended(kind, "a"))
    assert isinstance(released, LeaseReleased) and (released.reason, released.fencing_token) == (kind, 1)
    assert isinstance(granted, LeaseGranted) and (granted.holder.run_id, granted.fencing_token) == ("b", 2)
    assert shard.record(ended(kind, "a")) == []


@pytest.mark.parametrize("kind", ENDINGS)
def test_every_ending_takes_a_waiting_request_out_of_the_queue(kind: str) -> None:
    shard = ResourceShard()
    shard.declare("parser", 1)
    shard.record(request("a"))
    shard.record(request("b"))
    (released,) = shard.record(ended(kind, "b"))
    assert isinstance(released, LeaseReleased) and released.fencing_token == 0
    assert names(shard.record(ended("TaskSucceeded", "a"))) == ["LeaseReleased"]


def test_a_late_end_of_an_older_attempt_leaves_the_newer_one_alone() -> None:
    shard = ResourceShard()
    shard.declare("parser", 1)
    shard.record(request("a", attempt=2))
    assert shard.record(ended("TaskFailed", "a", attempt=1)) == []


def test_a_newer_attempt_supersedes_and_a_repeat_changes_nothing() -> None:
    shard = ResourceShard()
    shard.declare("parser", 1)
    shard.record(request("a", attempt=1))
    released, granted = shard.record(request("a", attempt=2))
    assert isinstance(released, LeaseReleased) and (released.reason, released.holder.attempt) == ("superseded", 1)
    assert isinstance(granted, LeaseGranted) and (granted.holder.attempt, granted.fencing_token) == (2, 2)
    assert shard.record(request("a", attempt=2)) == shard.record(request("a", attempt=1)) == []


def test_a_lost_worker_s_attempt_asks_again_in_the_same_record() -> None:
    shard = ResourceShard()
    shard.declare("parser", 1)
    shard.record(request("a"))
    shard.record(request("b"))
    events = shard.record(ended("TaskReleased", "a"), request("a"))
    assert holders(events) == [("LeaseReleased", "a", 0), ("LeaseGranted", "b", 0), ("LeaseQueued", "a", 0)]


def test_only_the_token_that_is_held_can_be_returned() -> None:
    shard = ResourceShard()
    shard.declare("parser", 1)
    shard.record(request("a"))
    shard.record(ended("TaskReleased", "a"), request("a"))
    assert shard.record(returned("a", 0, 1)) == []
    assert names(shard.record(returned("a", 0, 2))) == ["LeaseReleased"]


def test_a_lease_does_not_go_to_a_task_that_the_same_record_cancels() -> None:
    shard = ResourceShard()
    shard.declare("parser", 1)
    shard.record(request("a", 0), request("a", 1), request("b", 0))
    events = shard.record(ended("TaskCancelled", "a", 0), ended("TaskCancelled", "a", 1))
    assert holders(events) == [("LeaseReleased", "a", 0), ("LeaseReleased", "a", 1), ("LeaseGranted", "b", 0)]
    assert shard.record(request("c"), ended("TaskCancelled", "c")) == []


def test_priority_first_then_arrival_and_nobody_passes_the_head() -> None:
    shard = ResourceShard()
    shard.declare("parser", 4)
    shard.record(request("hold", units=3))
    shard.record(request("large", units=4, priority=7))
    assert names(shard.record(request("small", units=1, priority=7))) == ["LeaseQueued"]
    assert holders(shard.record(request("urgent", units=1, priority=9))) == [("LeaseGranted", "urgent", 0)]
    shard.record(request("low", units=1, priority=1))
    assert holders(shard.record(ended("TaskSucceeded", "hold")))[1:] == []
    assert holders(shard.record(ended("TaskSucceeded", "urgent")))[1:] == [("LeaseGranted", "large", 0)]
    assert holders(shard.record(ended("TaskSucceeded", "large")))[1:] == [
        ("LeaseGranted", "small", 0),
        ("LeaseGranted", "low", 0),
    ]


def test_a_raised_capacity_grants_and_a_lowered_one_takes_nothing_away() -> None:
    shard = ResourceShard()
    shard.declare("parser", 2)
    shard.record(request("a", units=2), request("b", units=2), request("c", units=1))
    assert holders(shard.declare("parser", 1)) == [("LeaseRefused", "b", 0)]
    assert shard.declare("parser", 1) == []
    assert shard.state.resources["parser"].held == 2
    assert holders(shard.record(ended("TaskSucceeded", "a")))[1:] == [("LeaseGranted", "c", 0)]
    shard.record(request("d"))
    assert holders(shard.declare("parser", 2)) == [("LeaseGranted", "d", 0)]


def test_a_command_that_makes_no_sense_is_rejected_with_the_reason() -> None:
    shard = ResourceShard(shard=0, shards=2)
    elsewhere = next(name for name in "abcdef" if shard_of(name, 2) == 1)
    home = next(name for name in "abcdef" if shard_of(name, 2) == 0)
    for name, capacity, word in [(home, 0, "capacity"), (elsewhere, 1, "partition 1"), ("", 1, "name")]:
        (rejected,) = shard.declare(name, capacity)
        assert isinstance(rejected, CommandRejected) and word in rejected.reason
        assert (rejected.topic, rejected.value, rejected.error) == (
            "resource.commands",
            b"value",
            "headrace.ResourceError",
        )
    (rejected,) = shard.feed(None, topic="resource.commands", error="found 3 bytes")
    assert isinstance(rejected, CommandRejected) and "found 3 bytes" in rejected.reason


def test_a_request_for_a_resource_of_another_shard_is_not_ours() -> None:
    shard = ResourceShard(shard=0, shards=2)
    elsewhere = next(name for name in "abcdef" if shard_of(name, 2) == 1)
    assert shard.record(request(resource=elsewhere, capacity=1)) == []


def test_the_end_of_a_run_with_very_many_claims_goes_out_in_rounds() -> None:
    shard = ResourceShard()
    shard.declare("parser", 1)
    count = EVENTS_PER_ROUND + 10
    shard.record(*(request("many", step) for step in range(count)))
    shard.record(request("other"))
    end = WorkflowTerminated(workflow_id="w-many", run_id="many", at=0)
    item = Input(topic="workflow.journal", partition=0, offset=9, at=0, message=None)
    first = 0
    for event in shard.decider.decide(shard.state, record_of(item, end), 5_000):
        shard.decider.evolve(shard.state, event)
        assert isinstance(event, LeaseReleased)
        first += 1
    assert first == EVENTS_PER_ROUND and shard.decider.has_pending(shard.state)
    rest = []
    while shard.decider.has_pending(shard.state):
        for event in shard.decider.resume(shard.state, 5_000):
            shard.decider.evolve(shard.state, event)
            rest.append(event)
    assert holders(rest)[-1] == ("LeaseGranted", "other", 0)
    assert len(rest) == 11 and set(shard.state.runs) == {"other"} and not shard.state.ending


def test_an_exception_refuses_the_requests_that_got_no_answer() -> None:
    shard = ResourceShard()
    shard.declare("parser", 1)
    item = record_of(Input(topic="workflow.journal", partition=2, offset=9, at=0, message=None), request("a"))
    rejected, refused = shard.decider.failed(shard.state, item, RuntimeError("boom"), 7)
    assert isinstance(rejected, CommandRejected) and "boom" in rejected.reason
    assert isinstance(refused, LeaseRefused) and refused.to_shard == 2


def record_of(item: Input, *events: Message) -> Input:
    record = JournalRecord(epoch=0, n=1, at=0, positions=[], events=list(events))
    return Input(topic=item.topic, partition=item.partition, offset=item.offset, at=0, message=record)


def test_declare_resource_is_the_only_command() -> None:
    shard = ResourceShard()
    (declared,) = shard.feed(
        DeclareResource(command_id="c", resource="gpu", capacity=2, issued_at=1), topic="resource.commands"
    )
    assert isinstance(declared, ResourceDeclared)
    assert [shard.decider.due_at(shard.state), list(shard.decider.tick(shard.state, 1))] == [None, []]
