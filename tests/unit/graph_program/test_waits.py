"""Nodes that wait for the outside: signals, and callbacks whose token the node's task gives away."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from headrace.contracts.task_events import NodeEnded, TaskCancelled, TaskRefused, TaskScheduled
from headrace.contracts.timer_events import TimerCancelled
from headrace.contracts.wait_commands import CompleteCallback, FailCallback, SignalWorkflow
from headrace.contracts.wait_events import CallbackOpened, StepCancelled, StepEnded
from headrace.contracts.workflow_events import WorkflowCancelled, WorkflowFailed, WorkflowSucceeded
from tests.unit.engine.decision_shard import DecisionShard, names, only


def graph(name: str, tasks: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"apiVersion": "headrace/v1", "name": name, "tasks": tasks, **fields}


PAID = graph(
    "paid",
    {
        "wait": {"wait_for": "paid", "timeout": "1d"},
        "ship": {"task": "ship", "needs": ["wait"], "input": {"sum": "{% $tasks.wait.output.sum %}"}},
    },
)
EACH = graph(
    "each",
    {"wait": {"wait_for": "{% 'paid-' & $item %}", "foreach": ["a", "b"]}},
    output="{% $tasks.wait.output %}",
)
APPROVED = graph(
    "approved",
    {
        "ask": {
            "task": "ask",
            "callback": {"timeout": "2h", "heartbeat": "10m"},
            "input": {"token": "{% $token %}", "who": "{% $input.who %}"},
        }
    },
    output="{% $tasks.ask.output %}",
)
POLLED = graph(
    "polled",
    {
        "ask": {
            "task": "ask",
            "foreach": "{% $input.items %}",
            "callback": {},
            "input": {"token": "{% $token %}", "item": "{% $item %}"},
        }
    },
    output="{% $tasks.ask.output %}",
)
WRONG = graph(
    "wrong", {"ask": {"task": "ask", "callback": {}, "input": {"token": "{% $token %}", "x": "{% $number('x') %}"}}}
)
NAMELESS = graph("nameless", {"wait": {"wait_for": "{% $input.name %}"}})
DEFAULTED = graph("defaulted", {"wait": {"wait_for": "x"}}, defaults={"timeout": "5m"})


@pytest.fixture(params=[False, True], ids=["live", "rebuilt"])
def shard(request: pytest.FixtureRequest) -> DecisionShard:
    return DecisionShard(PAID, EACH, APPROVED, POLLED, WRONG, NAMELESS, DEFAULTED, forgetful=request.param)


def signal(name: str, data: Any = None, command_id: str = "s1") -> SignalWorkflow:
    return SignalWorkflow(
        command_id=command_id, workflow_id="w", issued_at=0, name=name, data=msgspec.json.encode(data)
    )


def completed(token: str, output: Any, command_id: str = "k1") -> CompleteCallback:
    data = msgspec.json.encode(output)
    return CompleteCallback(command_id=command_id, workflow_id="w", issued_at=0, token=token, output=data)


def output(events: list[Any]) -> Any:
    return msgspec.json.decode(only(events, WorkflowSucceeded).output)


def test_the_data_of_a_signal_is_the_output(shard: DecisionShard) -> None:
    shard.start("paid")
    events = shard.command(signal("paid", {"sum": 7}))
    assert only(events, NodeEnded).status == "SUCCEEDED"
    only(events, TimerCancelled)
    assert msgspec.json.decode(only(events, TaskScheduled).input) == {"sum": 7}


def test_a_signal_that_does_not_come_in_time_fails_the_node(shard: DecisionShard) -> None:
    shard.start("paid")
    events = shard.tick(shard.now_ms + 86_400_000)
    assert only(events, NodeEnded).status == "TIMED_OUT"
    assert only(events, WorkflowFailed).error == "headrace.ReceiveTimedOut"


def test_the_default_time_limit_of_attempts_is_not_that_of_a_wait(shard: DecisionShard) -> None:
    assert names(shard.start("defaulted")) == ["WorkflowStarted"]


def test_one_signal_for_each_item_by_name(shard: DecisionShard) -> None:
    shard.start("each")
    shard.command(signal("paid-b", 2))
    assert output(shard.command(signal("paid-a", 1, "s2"))) == [1, 2]


def test_a_name_that_is_none_fails_the_node(shard: DecisionShard) -> None:
    events = shard.start("nameless", {"name": 5})
    assert only(events, TaskRefused).error == "headrace.ExpressionError"
    only(events, WorkflowFailed)


def test_a_cancelled_workflow_waits_no_longer(shard: DecisionShard) -> None:
    shard.start("paid")
    events = shard.cancel()
    only(events, TimerCancelled)
    only(events, WorkflowCancelled)


def test_a_task_gives_the_token_away_and_the_output_is_what_it_is_completed_with(shard: DecisionShard) -> None:
    events = shard.start("approved", {"who": "ann"})
    opened = only(events, CallbackOpened)
    assert (opened.due_at, opened.heartbeat_ms) == (shard.now_ms + 7_200_000, 600_000)
    task = only(events, TaskScheduled)
    given = msgspec.json.decode(task.input)
    assert given["who"] == "ann"
    assert names(shard.complete(task, "sent")) == ["TaskSucceeded"]
    events = shard.command(completed(given["token"], {"ok": True}))
    assert names(events) == ["StepEnded", "NodeEnded", "WorkflowSucceeded"]
    assert output(events) == {"ok": True}


def test_it_may_be_completed_before_its_task_has_ended(shard: DecisionShard) -> None:
    task = only(shard.start("approved", {"who": "ann"}), TaskScheduled)
    assert names(shard.command(completed(msgspec.json.decode(task.input)["token"], 3))) == ["StepEnded"]
    assert output(shard.complete(task)) == 3


def test_a_task_that_fails_gives_the_callback_up(shard: DecisionShard) -> None:
    task = only(shard.start("approved", {"who": "ann"}), TaskScheduled)
    events = shard.fail(task, "KeyError")
    assert only(events, StepCancelled).kind == "callback"
    assert only(events, WorkflowFailed).error == "KeyError"


def test_a_callback_that_fails_cancels_the_task(shard: DecisionShard) -> None:
    task = only(shard.start("approved", {"who": "ann"}), TaskScheduled)
    token = msgspec.json.decode(task.input)["token"]
    ids: dict[str, Any] = {"command_id": "k1", "workflow_id": "w", "issued_at": 0, "token": token}
    events = shard.command(FailCallback(**ids, error="Refused", cause="too dear"))
    assert only(events, TaskCancelled).task == "ask"
    assert only(events, NodeEnded).error == "Refused"
    assert only(events, WorkflowFailed).error == "Refused"


def test_a_callback_that_nobody_completes_fails_the_node(shard: DecisionShard) -> None:
    shard.complete(only(shard.start("approved", {"who": "ann"}), TaskScheduled))
    events = shard.tick(shard.now_ms + 600_000)
    assert only(events, StepEnded).status == "TIMED_OUT"
    assert only(events, WorkflowFailed).error == "headrace.CallbackTimedOut"


def test_a_token_for_each_item(shard: DecisionShard) -> None:
    events = shard.start("polled", {"items": ["a", "b"]})
    given = [msgspec.json.decode(event.input) for event in events if isinstance(event, TaskScheduled)]
    for task in [event for event in events if isinstance(event, TaskScheduled)]:
        shard.complete(task)
    shard.command(completed(given[1]["token"], "for b", "k1"))
    assert output(shard.command(completed(given[0]["token"], "for a", "k2"))) == ["for a", "for b"]


def test_an_input_without_a_value_opens_nothing_that_stays(shard: DecisionShard) -> None:
    events = shard.start("wrong")
    assert names(events) == ["WorkflowStarted", "CallbackOpened", "StepCancelled", "TaskRefused", "WorkflowFailed"]


def test_one_item_that_fails_gives_the_others_up(shard: DecisionShard) -> None:
    events = shard.start("polled", {"items": ["a", "b"]})
    tasks = [event for event in events if isinstance(event, TaskScheduled)]
    failed = shard.fail(tasks[0], "KeyError")
    assert sorted(names(failed)) == sorted(
        ["TaskFailed", "StepCancelled", "StepCancelled", "TaskCancelled", "NodeEnded", "WorkflowFailed"]
    )
