"""Signals: from clients and from other workflows, taken in the order of the record, none lost, none before its time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from headrace.contracts.task_events import TaskScheduled
from headrace.contracts.timer_events import TimerCancelled, TimerStarted
from headrace.contracts.wait_commands import SignalWorkflow
from headrace.contracts.wait_events import (
    CommandRefused,
    SignalReceived,
    SignalRequested,
    StepAnswered,
    StepEnded,
)
from headrace.contracts.workflow_events import WorkflowFailed, WorkflowStarted, WorkflowSucceeded
from headrace.engine.context import Limits
from headrace.engine.programs.python.errors import ReceiveTimedOut, SignalMismatch, SignalRefused
from tests.unit.engine.decision_shard import DecisionShard, names, only


async def listener(ctx: Any, count: int = 2) -> list[Any]:
    return [await ctx.receive("order") for _ in range(count)]


async def busy_listener(ctx: Any) -> list[Any]:
    before = await ctx.run("one")
    return [before, await ctx.receive("order"), await ctx.receive("order")]


async def patient(ctx: Any) -> str:
    try:
        return await ctx.receive("order", timeout="5m")
    except ReceiveTimedOut as error:
        return f"late: {error}"


async def strict(ctx: Any) -> Any:
    try:
        return await ctx.receive("order", type=int)
    except SignalMismatch:
        return "mismatch"


async def sender(ctx: Any, to: str, data: Any = None) -> str:
    try:
        await ctx.signal(to, "order", data)
    except SignalRefused as refused:
        return refused.error
    return "taken in"


def signal(data: Any = None, *, name: str = "order", id: str = "w", command_id: str = "s1") -> SignalWorkflow:
    return SignalWorkflow(command_id=command_id, workflow_id=id, issued_at=0, name=name, data=msgspec.json.encode(data))


def output(events: list[Any]) -> Any:
    return msgspec.json.decode(only(events, WorkflowSucceeded).output)


@pytest.fixture(params=[False, True], ids=["live", "rebuilt"])
def shard(request: pytest.FixtureRequest) -> DecisionShard:
    return DecisionShard(listener, busy_listener, patient, strict, sender, forgetful=request.param)


def test_signals_are_received_in_the_order_in_which_they_came(shard: DecisionShard) -> None:
    shard.start("listener")
    shard.command(signal(1))
    assert output(shard.command(signal(2, command_id="s2"))) == [1, 2]


def test_a_signal_that_comes_before_anybody_asks_waits(shard: DecisionShard) -> None:
    task = only(shard.start("busy_listener"), TaskScheduled)
    received = [only(shard.command(signal(n, command_id=f"s{n}")), SignalReceived) for n in (1, 2)]
    assert [event.unread for event in received] == [1, 2]
    assert output(shard.complete(task, "first")) == ["first", 1, 2]


def test_a_signal_of_another_name_waits_for_who_asks_for_that(shard: DecisionShard) -> None:
    shard.start("listener", {"count": 1})
    assert names(shard.command(signal(0, name="other"))) == ["SignalReceived"]
    assert output(shard.command(signal(1, command_id="s2"))) == [1]


def test_a_signal_that_is_delivered_twice_is_received_once(shard: DecisionShard) -> None:
    shard.start("listener")
    shard.command(signal(1))
    assert shard.command(signal(1)) == []
    assert output(shard.command(signal(2, command_id="s2"))) == [1, 2]


def test_a_redelivery_after_the_end_is_neither_refused_nor_given_to_the_next_run(shard: DecisionShard) -> None:
    shard.start("listener", {"count": 1})
    shard.command(signal(1))
    assert shard.command(signal(1)) == []
    shard.start("listener", {"count": 1}, command_id="c2", if_exists="rerun")
    assert shard.command(signal(1)) == []
    assert output(shard.command(signal(2, command_id="s2"))) == [2]


def test_only_so_many_accepted_commands_are_remembered() -> None:
    shard = DecisionShard(listener, limits=Limits(seen_per_run=2))
    shard.start("listener", {"count": 9})
    for n in range(3):
        shard.command(signal(n, command_id=f"s{n}"))
    assert len(shard.state.runs["w"].seen) == 2
    assert shard.command(signal(2, command_id="s2")) == []
    assert names(shard.command(signal(0, command_id="s0"))) == ["SignalReceived"]


def test_a_signal_in_time_gives_the_timer_up(shard: DecisionShard) -> None:
    assert only(shard.start("patient"), TimerStarted).due_at == shard.now_ms + 300_000
    events = shard.command(signal("here"))
    assert names(events) == ["SignalReceived", "TimerCancelled", "WorkflowSucceeded"]
    assert output(events) == "here"


def test_a_signal_that_is_there_already_needs_no_timer() -> None:
    async def late(ctx: Any) -> Any:
        await ctx.run("one")
        return await ctx.receive("order", timeout=timedelta(seconds=3))

    shard = DecisionShard(late)
    task = only(shard.start("late"), TaskScheduled)
    shard.command(signal(7))
    events = shard.complete(task)
    assert output(events) == 7
    assert not any(isinstance(event, TimerStarted | TimerCancelled) for event in events)


def test_a_wait_that_takes_too_long_raises(shard: DecisionShard) -> None:
    shard.start("patient")
    assert output(shard.tick(shard.now_ms + 300_000)).startswith("late: Expected a signal order within 5m")


def test_data_of_another_type_is_an_error_in_the_workflow(shard: DecisionShard) -> None:
    shard.start("strict")
    assert output(shard.command(signal("no number"))) == "mismatch"


def test_who_is_cancelled_before_it_could_look_leaves_the_signal_for_others() -> None:
    async def races(ctx: Any) -> list[Any]:
        await ctx.run("one")
        first = await ctx.race(ctx.receive("a"), ctx.receive("b"))
        return [first, await ctx.receive("b")]

    shard = DecisionShard(races)
    task = only(shard.start("races"), TaskScheduled)
    shard.command(signal(1, name="a"))
    shard.command(signal(2, name="b", command_id="s2"))
    assert output(shard.complete(task)) == [[0, 1], 2]


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (signal(id="nobody"), "headrace.NotFound"),
        (signal(id="gone"), "headrace.NotRunning"),
        (signal(name=""), "headrace.InvalidInput"),
        (signal(name="x" * 201), "headrace.InvalidInput"),
        (msgspec.structs.replace(signal(), data=b"no json"), "headrace.InvalidInput"),
        (signal("x" * 2_000), "headrace.InputTooLarge"),
    ],
    ids=["unknown", "ended", "no name", "long name", "no JSON", "large"],
)
def test_what_cannot_be_taken_in_is_refused_with_what_was_expected(command: SignalWorkflow, error: str) -> None:
    shard = DecisionShard(listener, limits=Limits(payload_bytes=1_000))
    shard.start("listener", workflow_id="gone")
    shard.terminate("gone")
    shard.start("listener")
    refused = only(shard.command(command), CommandRefused)
    assert (refused.error, refused.command, refused.command_id) == (error, "SignalWorkflow", "s1")
    assert refused.cause.startswith("Expected ")


def test_a_mailbox_that_is_full_refuses() -> None:
    shard = DecisionShard(busy_listener, limits=Limits(unread_signals=2))
    task = only(shard.start("busy_listener"), TaskScheduled)
    for n in range(2):
        shard.command(signal(n, command_id=f"s{n}"))
    refused = only(shard.command(signal(2, command_id="s2")), CommandRefused)
    assert refused.error == "headrace.TooManySignals"
    assert output(shard.complete(task)) == [None, 0, 1]


def test_a_run_that_stands_still_takes_signals_in() -> None:
    shard = DecisionShard(busy_listener, limits=Limits(unread_signals=2))
    shard.start("busy_listener")
    definitions = dict(shard.definitions._by_name)
    shard.definitions._by_name.clear()
    shard.new_process()
    assert names(shard.command(signal(0))) == ["WorkflowStuck", "SignalReceived"]
    assert names(shard.command(signal(1, command_id="s2"))) == ["SignalReceived"]
    assert only(shard.command(signal(2, command_id="s3")), CommandRefused).error == "headrace.TooManySignals"
    shard.definitions._by_name.update(definitions)


def test_a_workflow_signals_another_one(shard: DecisionShard) -> None:
    shard.start("listener", {"count": 1})
    asked = only(shard.start("sender", {"to": "w", "data": 5}, workflow_id="s"), SignalRequested)
    events = shard.hear(asked)
    assert names(events) == ["SignalReceived", "StepAnswered", "WorkflowSucceeded"]
    received = only(events, SignalReceived)
    assert (received.sender.workflow_id, received.sender.run_id, received.sender.step) == ("s", asked.run_id, 0)
    assert output(events) == [5]
    ended = shard.hear(only(events, StepAnswered))
    assert (only(ended, StepEnded).kind, output(ended)) == ("signal", "taken in")


def test_a_workflow_that_signals_nobody_is_told(shard: DecisionShard) -> None:
    asked = only(shard.start("sender", {"to": "nobody"}, workflow_id="s"), SignalRequested)
    answered = only(shard.hear(asked), StepAnswered)
    assert (answered.status, answered.error) == ("FAILED", "headrace.NotFound")
    assert output(shard.hear(answered)) == "headrace.NotFound"


def test_an_answer_that_nobody_waits_for_changes_nothing(shard: DecisionShard) -> None:
    asked = only(shard.start("sender", {"to": "nobody"}, workflow_id="s"), SignalRequested)
    answered = only(shard.hear(asked), StepAnswered)
    shard.hear(answered)
    assert shard.hear(answered) == []


def test_signals_of_a_workflow_that_was_asked_to_end_are_received_in_its_clean_up() -> None:
    async def cleaner(ctx: Any) -> Any:
        try:
            await ctx.sleep("1d")
        finally:
            await ctx.run("tidy", await ctx.receive("order"))

    shard = DecisionShard(cleaner)
    only(shard.start("cleaner"), WorkflowStarted)
    shard.cancel()
    assert only(shard.command(signal(3)), TaskScheduled).input == b"3"


def test_an_error_that_nobody_catches_fails_the_workflow() -> None:
    async def hasty(ctx: Any) -> Any:
        return await ctx.receive("order", timeout=1)

    shard = DecisionShard(hasty)
    shard.start("hasty")
    assert only(shard.tick(shard.now_ms + 1_000), WorkflowFailed).error == "ReceiveTimedOut"
