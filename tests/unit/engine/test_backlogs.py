"""Back-pressure in a decision shard: what is held back while a queue is full, in which order it goes out, and starts
that are refused.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from headrace.contracts.backlog_events import BacklogNoted, RoomRequested, TaskHeld
from headrace.contracts.control_commands import PauseWorkflow, ResumeWorkflow
from headrace.contracts.dispatch_events import BacklogCleared, BacklogFull, QueueLimited, RoomGranted
from headrace.contracts.message import Message
from headrace.contracts.schedule_events import ScheduleFired
from headrace.contracts.task_events import TaskCancelled, TaskScheduled, TaskSucceeded, TaskTimedOut
from headrace.contracts.topics import TASK_JOURNAL
from headrace.contracts.workflow_events import StartRefused, WorkflowStarted, WorkflowSucceeded
from headrace.engine.context import Limits
from tests.unit.engine.decision_shard import DecisionShard, names, only

ONE = {"name": "one", "tasks": {"a": {"task": "t"}}}
LOW = {"name": "low", "tasks": {"a": {"task": "t", "priority": 1}}}
HIGH = {"name": "high", "tasks": {"a": {"task": "t", "priority": 9}}}
WIDE = {"name": "wide", "tasks": {"a": {"task": "t", "foreach": "{% $input.items %}"}}}
TWO_QUEUES = {"name": "two", "tasks": {"a": {"task": "t"}, "b": {"task": "t", "queue": "other"}}}
RETRIED = {"name": "retried", "tasks": {"a": {"task": "t", "retry": {"schedule": ["1s", "1s"]}}}}
BOUND = {"name": "bound", "tasks": {"a": {"task": "t", "schedule_to_start": "5s", "schedule_to_close": "60s"}}}
CLOSED = {"name": "closed", "tasks": {"a": {"task": "t", "schedule_to_start": "60s", "schedule_to_close": "5s"}}}
PARENT = {"name": "parent", "tasks": {"a": {"workflow": "one"}}}
ALL = (ONE, LOW, HIGH, WIDE, TWO_QUEUES, RETRIED, BOUND, CLOSED, PARENT)


def shard_of_all(**options: Any) -> DecisionShard:
    return DecisionShard(*ALL, **options)


def full(shard: DecisionShard, queue: str = "default", when_full: str = "wait") -> list[Message]:
    event = BacklogFull(queue=queue, waiting=7, backlog=5, when_full=when_full, at=shard.now_ms)
    return shard.hear(event, topic=TASK_JOURNAL)


def cleared(shard: DecisionShard, room: int = -1, queue: str = "default") -> list[Message]:
    """Let a queue have room; return what goes out."""
    event = BacklogCleared(queue=queue, waiting=4, backlog=5, when_full="wait", at=shard.now_ms, room=room)
    return shard.hear(event, topic=TASK_JOURNAL) + rest(shard)


def limited(shard: DecisionShard, backlog: int) -> list[Message]:
    """Bound a queue's backlog, or bound it no more; return what goes out."""
    return shard.hear(QueueLimited(queue="default", backlog=backlog, at=0), topic=TASK_JOURNAL) + rest(shard)


def granted(shard: DecisionShard, room: int) -> list[Message]:
    return shard.hear(RoomGranted(queue="default", to_shard=0, room=room, at=0), topic=TASK_JOURNAL) + rest(shard)


def rest(shard: DecisionShard) -> list[Message]:
    """Return what is pending."""
    events: list[Message] = []
    while shard.decider.has_pending(shard.state):
        more = shard.resume()
        assert more, "Expected progress in a pending round, but there was none"
        events += more
    return events


def out(events: list[Message]) -> list[str]:
    """Return the workflows of what was scheduled, in order."""
    return [event.workflow_id for event in events if isinstance(event, TaskScheduled)]


def start(shard: DecisionShard, name: str, workflow_id: str, **fields: Any) -> list[Message]:
    return shard.start(name, workflow_id=workflow_id, command_id=f"c-{workflow_id}", **fields)


def idle(shard: DecisionShard) -> bool:
    """Tell whether nothing is held back."""
    backlogs = shard.state.backlogs
    return not backlogs.runs and not any(each.entries for each in backlogs.queues.values())


@pytest.mark.parametrize("forgetful", [False, True])
def test_what_is_ready_while_a_queue_is_full_waits_until_there_is_room(forgetful: bool) -> None:
    shard = shard_of_all(forgetful=forgetful)
    assert names(full(shard)) == ["BacklogNoted"]
    held = only(start(shard, "one", "a"), TaskHeld)
    assert (held.queue, held.attempt, held.task) == ("default", 1, "t")
    assert held.reason == "queue default is full: 7 tasks wait there, of at most 5"
    assert out(start(shard, "two", "b")) == ["b"]  # its other queue has room
    events = cleared(shard)
    assert out(events) == ["a", "b"]
    assert idle(shard)
    task = only([event for event in events if getattr(event, "workflow_id", "") == "a"], TaskScheduled)
    assert only(shard.complete(task), WorkflowSucceeded)


def test_room_is_used_in_order_and_more_is_asked_for() -> None:
    shard = shard_of_all(forgetful=True)
    full(shard)
    for name in "abcde":
        start(shard, "one", name)
    events = cleared(shard, room=2)
    assert out(events) == ["a", "b"]
    assert only(events, RoomRequested).held == 3
    assert names(start(shard, "one", "f"))[-1] == "TaskHeld"  # behind those that wait
    assert not any(isinstance(event, RoomRequested) for event in rest(shard))
    events = granted(shard, room=3)
    assert out(events) == ["c", "d", "e"]
    assert only(events, RoomRequested).held == 1
    events = granted(shard, room=3)
    assert out(events) == ["f"]
    assert idle(shard)
    assert out(start(shard, "one", "g")) == ["g"]


def test_it_may_be_full_again_while_room_was_asked_for() -> None:
    shard = shard_of_all(forgetful=True)
    full(shard)
    for name in "abc":
        start(shard, "one", name)
    cleared(shard, room=1)
    full(shard)
    full(shard)
    assert rest(shard) == []
    events = cleared(shard, room=1)
    assert out(events) == ["b"]
    assert only(events, RoomRequested)
    assert out(granted(shard, room=5)) == ["c"]
    assert out(granted(shard, room=5)) == []


def test_room_that_nobody_needs_changes_nothing() -> None:
    shard = shard_of_all()
    assert granted(shard, 3) == []
    assert limited(shard, 0) == []
    full(shard)
    assert names(cleared(shard)) == ["BacklogNoted"]
    assert idle(shard)


@pytest.mark.parametrize("forgetful", [False, True])
def test_a_fan_out_takes_no_more_than_a_bounded_backlog_has_room_for(forgetful: bool) -> None:
    shard = shard_of_all(forgetful=forgetful)
    limited(shard, 5)
    events = start(shard, "wide", "w", input={"items": list(range(50))}) + rest(shard)
    assert out(events) == ["w"] * 5
    assert only(events, RoomRequested).held == 45
    reasons = {event.reason for event in events if isinstance(event, TaskHeld)}
    assert reasons == {"at most 5 tasks may wait in queue default; room for more is asked for"}
    assert len(out(granted(shard, room=44))) == 44
    assert len(out(granted(shard, room=9))) == 1
    assert out(start(shard, "wide", "v", input={"items": list(range(50))}) + rest(shard)) == ["v"] * 8
    assert len(out(limited(shard, 0))) == 42
    assert idle(shard)
    assert not shard.state.backlogs.queues


def test_a_bound_that_changes_while_it_is_full_gives_no_room() -> None:
    shard = shard_of_all(forgetful=True)
    limited(shard, 5)
    full(shard)
    assert out(start(shard, "one", "a") + limited(shard, 50)) == []
    assert out(cleared(shard, room=1)) == ["a"]


def test_priority_goes_first_then_turns_between_workflows_then_who_came_first() -> None:
    shard = shard_of_all(forgetful=True)
    full(shard)
    start(shard, "low", "low")
    start(shard, "wide", "wide", input={"items": [1, 2, 3, 4]})
    for name in ("a", "b"):
        start(shard, "one", name)
    start(shard, "high", "high")
    assert out(cleared(shard)) == ["high", "wide", "a", "b", "wide", "wide", "wide", "low"]


def test_who_comes_later_takes_turns_with_what_is_left() -> None:
    shard = shard_of_all(forgetful=True)
    full(shard)
    start(shard, "wide", "wide", input={"items": list(range(6))})
    cleared(shard, room=3)
    start(shard, "wide", "late", input={"items": list(range(3))})
    assert out(granted(shard, room=-1)) == ["late", "wide", "late", "wide", "late", "wide"]


def test_another_attempt_waits_as_well() -> None:
    shard = shard_of_all()
    task = only(shard.start("retried"), TaskScheduled)
    full(shard)
    shard.fail(task)
    held = only(shard.tick(shard.now_ms + 1_000), TaskHeld)
    assert held.attempt == 2
    again = only(cleared(shard), TaskScheduled)
    assert (again.attempt, again.retry) == (2, task.retry)


@pytest.mark.parametrize(("name", "timeout"), [("bound", "schedule_to_start"), ("closed", "schedule_to_close")])
def test_what_is_held_back_too_long_times_out_by_the_limit_that_is_over(name: str, timeout: str) -> None:
    shard = shard_of_all(forgetful=True)
    full(shard)
    held = only(shard.start(name), TaskHeld)
    assert (held.due_at, held.timeout) == (shard.now_ms + 5_000, timeout)
    assert shard.tick(held.due_at - 1) == []
    assert only(shard.tick(held.due_at), TaskTimedOut).timeout == timeout
    assert not shard.state.backlogs.runs
    assert out(cleared(shard)) == []


def test_the_time_for_all_attempts_began_when_it_was_held_back() -> None:
    shard = shard_of_all()
    full(shard)
    held = only(shard.start("bound"), TaskHeld)
    shard.now_ms += 4_000
    task = only(cleared(shard), TaskScheduled)
    assert task.rules is not None
    assert task.rules.close_by == held.close_by == held.at + 60_000


@pytest.mark.parametrize("end", ["cancel", "terminate"])
def test_what_is_not_wanted_any_more_waits_no_more(end: str) -> None:
    shard = shard_of_all(forgetful=True)
    full(shard)
    start(shard, "wide", "w", input={"items": [1, 2]})
    start(shard, "one", "a")
    events = getattr(shard, end)("w")
    assert sum(isinstance(event, TaskCancelled) for event in events) == (2 if end == "cancel" else 0)
    assert list(shard.state.backlogs.runs) == ["a"]
    assert out(cleared(shard)) == ["a"]
    assert idle(shard)


def test_a_paused_workflow_lets_others_pass_and_comes_in_its_turn_when_it_goes_on() -> None:
    shard = shard_of_all(forgetful=True)
    full(shard)
    for name in "abc":
        start(shard, "one", name)
    shard.command(PauseWorkflow(command_id="p", workflow_id="a", issued_at=0))
    events = cleared(shard, room=1)
    assert out(events) == ["b"]
    shard.command(ResumeWorkflow(command_id="r", workflow_id="a", issued_at=0))
    rest(shard)
    assert out(granted(shard, room=2)) == ["a", "c"]
    assert idle(shard)


def test_a_paused_workflow_goes_out_when_its_queue_was_forgotten_meanwhile() -> None:
    shard = shard_of_all(forgetful=True)
    full(shard)
    start(shard, "one", "a")
    shard.command(PauseWorkflow(command_id="p", workflow_id="a", issued_at=0))
    assert out(limited(shard, 0)) == []
    assert not shard.state.backlogs.queues
    shard.command(ResumeWorkflow(command_id="r", workflow_id="a", issued_at=0))
    assert out(rest(shard)) == ["a"]
    assert idle(shard)


def test_a_workflow_whose_definition_is_gone_is_stuck_and_holds_nobody_up() -> None:
    shard = shard_of_all()
    full(shard)
    for name in ("one", "high"):
        start(shard, name, name)
    del shard.definitions._by_name["high"]
    shard.new_process()
    events = cleared(shard)
    assert "WorkflowStuck" in names(events)
    assert out(events) == ["one"]


def test_what_goes_out_is_bounded_by_what_a_record_holds() -> None:
    shard = shard_of_all(limits=Limits(decision_bytes=3_000))
    full(shard)
    start(shard, "wide", "w", input={"items": list(range(40))})
    rest(shard)
    shard.hear(BacklogCleared(queue="default", waiting=0, backlog=5, when_full="wait", at=0), topic=TASK_JOURNAL)
    rounds = []
    while shard.decider.has_pending(shard.state):
        rounds.append(len(out(shard.resume())))
    assert sum(rounds) == 40
    assert max(rounds) < 15


def declared(shard: DecisionShard, name: str, queues: list[str]) -> None:
    """Say which queues a workflow declares, as a deploy does."""
    definition = shard.definitions._by_name[name]
    options = msgspec.json.encode({"queues": queues})
    shard.definitions._by_name[name] = msgspec.structs.replace(definition, options=options)


@pytest.mark.parametrize("forgetful", [False, True])
def test_a_start_is_refused_while_a_queue_of_the_workflow_is_full_if_that_is_its_policy(forgetful: bool) -> None:
    shard = shard_of_all(forgetful=forgetful)
    declared(shard, "one", ["default"])
    declared(shard, "low", ["other"])
    full(shard, when_full="refuse")
    events = start(shard, "one", "a")
    assert names(events) == ["StartRefused"]
    refused = only(events, StartRefused)
    assert refused.error == "headrace.QueueFull"
    assert refused.cause == (
        "Expected room in queue default, but 7 tasks wait there, of at most 5; start it again later"
    )
    assert not refused.existing
    assert only(start(shard, "low", "b"), WorkflowStarted)
    cleared(shard)
    assert only(start(shard, "one", "a"), WorkflowStarted)  # no trace is left of the refusal


def test_running_workflows_and_their_children_are_accepted_where_starts_are_refused() -> None:
    shard = shard_of_all()
    declared(shard, "one", ["default"])
    task = only(start(shard, "one", "a"), TaskScheduled)
    child = shard.start("parent", workflow_id="p")
    full(shard, when_full="refuse")
    assert out(start(shard, "high", "b")) == ["b"]  # declares nothing
    assert out(shard.hear(only(child, type(child[1])))) == ["p:0"]
    assert start(shard, "one", "a") == []  # the same command again: it has started
    assert only(shard.complete(task), TaskSucceeded)


def test_what_a_schedule_starts_is_refused_as_well() -> None:
    shard = shard_of_all()
    declared(shard, "one", ["default"])
    full(shard, when_full="refuse")
    fired = ScheduleFired(
        schedule_id="s",
        generation="1",
        workflow_id="s-1",
        to_shard=0,
        name="one",
        input=b"{}",
        scheduled_at=1,
        cause="time",
        at=1,
    )
    refused = only(shard.hear(fired), StartRefused)
    assert (refused.error, refused.parent is None) == ("headrace.QueueFull", False)


def test_what_was_held_back_goes_out_when_the_policy_changes_to_refuse() -> None:
    shard = shard_of_all(forgetful=True)
    full(shard)
    start(shard, "one", "a")
    assert out(full(shard, when_full="refuse") + rest(shard)) == ["a"]
    noted = shard.state.backlogs.queues["default"]
    assert (noted.full, noted.when_full, noted.holds) == (True, "refuse", False)


def test_nothing_is_noted_of_a_queue_that_has_room() -> None:
    shard = shard_of_all()
    start(shard, "one", "a")
    assert not any(isinstance(event, BacklogNoted) for event in shard.journal)
    assert idle(shard)
