"""Runs whose record is sealed: programs see what users gave, events and snapshots hold none of it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from headrace import Retry, TaskFailed, task, workflow
from headrace.contracts.commands import CompleteTask, FailTask, StartWorkflow
from headrace.contracts.control_commands import ResumeWorkflow
from headrace.contracts.message import Message
from headrace.contracts.record_events import Published, ValueRecorded
from headrace.contracts.task_events import TaskScheduled
from headrace.contracts.wait_commands import SignalWorkflow
from headrace.contracts.workflow_events import (
    StartRefused,
    WorkflowFailed,
    WorkflowStarted,
    WorkflowStuck,
    WorkflowSucceeded,
)
from headrace.payloads.encryption import CONTENT_TYPE, Keys
from headrace.payloads.sealing import Sealing
from tests.unit.engine.decision_shard import DecisionShard, names, only

KEYS = {"k1": b"1" * 32, "k2": b"2" * 32}
SEALING = Sealing(Keys(KEYS, "k1"))
SECRET = b"5105-1051"


@task(retry=Retry(max_attempts=2, interval="1s"))
def charge(card: str) -> dict[str, str]: ...  # type: ignore[empty-body]


@workflow
async def pay(ctx: Any, card: str) -> dict[str, Any]:
    noted = ctx.memo(lambda: {"noted": card})
    ctx.publish("card", card)
    try:
        charged = await ctx.run(charge, card)
    except TaskFailed as failed:
        charged = failed.cause
    go = await ctx.receive("go")
    return {"noted": noted, "charged": charged, "go": go, "previous": ctx.previous}


@workflow
async def lost(ctx: Any, card: str) -> None:
    raise LookupError(card)


GRAPH = {
    "apiVersion": "headrace/v1",
    "name": "graph",
    "key": "{% $input.card %}",
    "tasks": {"first": {"task": "charge", "input": {"card": "{% $input.card & '!' %}"}}},
    "output": "{% $tasks.first.output.card %}",
}


def shard(*workflows: Any, sealing: Sealing | None = SEALING, forgetful: bool = False) -> DecisionShard:
    return DecisionShard(*workflows, sealing=sealing, forgetful=forgetful)


def start(shard: DecisionShard, name: str, sealing: Sealing = SEALING, **fields: Any) -> list[Message]:
    options = {"workflow_id": "w", "command_id": "c1", **fields}
    data = msgspec.json.encode({"card": SECRET.decode()})
    return shard.command(sealing.sealed(StartWorkflow(name=name, input=data, issued_at=0, **options), "w"))


def answered(shard: DecisionShard, scheduled: TaskScheduled) -> list[Message]:
    """Answer an attempt as a worker with the key does."""
    task = SEALING.opened(scheduled)
    assert SECRET in task.input
    output = msgspec.json.encode({"card": SECRET.decode()})
    done = CompleteTask(**_ids(task), output=output, started_at=1, ended_at=2)
    return shard.command(SEALING.sealed(done, task.workflow_id))


def signalled(shard: DecisionShard) -> list[Message]:
    signal = SignalWorkflow(command_id="s", workflow_id="w", issued_at=0, name="go", data=b'"' + SECRET + b'"')
    return shard.command(SEALING.sealed(signal, "w"))


def _ids(task: TaskScheduled) -> dict[str, Any]:
    return {
        "command_id": f"{task.step}/{task.attempt}",
        "workflow_id": task.workflow_id,
        "issued_at": 0,
        "run_id": task.run_id,
        "step": task.step,
        "attempt": task.attempt,
        "assignment": 1,
        "worker": "worker-1",
    }


@pytest.mark.parametrize("forgetful", [False, True], ids=["live", "rebuilt"])
def test_programs_see_what_users_gave_and_events_hold_none_of_it(forgetful: bool) -> None:
    one = shard(pay, forgetful=forgetful)
    events = start(one, "pay", key="one")
    assert only(events, ValueRecorded).content_type == CONTENT_TYPE
    assert only(events, Published).content_type == CONTENT_TYPE
    events += answered(one, only(events, TaskScheduled))
    events += signalled(one)
    ended = SEALING.opened(only(events, WorkflowSucceeded))
    card = SECRET.decode()
    expected = {"noted": {"noted": card}, "charged": {"card": card}, "go": card, "previous": None}
    assert msgspec.json.decode(ended.output) == expected
    events += one.hear(only(events, WorkflowSucceeded))
    again = start(one, "pay", workflow_id="w", command_id="c2", if_exists="rerun", key="one")
    events += again + answered(one, only(again, TaskScheduled)) + signalled_again(one)
    last = SEALING.opened([event for event in events if isinstance(event, WorkflowSucceeded)][-1])
    assert msgspec.json.decode(last.output)["previous"] == expected
    one.checkpoint()
    for event in events:
        assert SECRET not in msgspec.msgpack.encode(event), event
    assert not any(SECRET in data for data in one.entries.values())


def signalled_again(shard: DecisionShard) -> list[Message]:
    signal = SignalWorkflow(command_id="s2", workflow_id="w", issued_at=0, name="go", data=b'"' + SECRET + b'"')
    return shard.command(SEALING.sealed(signal, "w"))


def test_a_decision_that_is_made_again_is_the_same() -> None:
    assert start(shard(pay), "pay") == start(shard(pay, forgetful=True), "pay")


@pytest.mark.parametrize("forgetful", [False, True], ids=["live", "rebuilt"])
def test_a_second_attempt_is_sealed_like_the_first(forgetful: bool) -> None:
    one = shard(pay, forgetful=forgetful)
    first = only(start(one, "pay"), TaskScheduled)
    failed = FailTask(**_ids(first), error="ValueError", cause=f"no {SECRET.decode()}")
    one.command(SEALING.sealed(failed, "w"))
    second = only(one.tick(3_000), TaskScheduled)
    assert (second.attempt, second.input, second.content_type) == (2, first.input, CONTENT_TYPE)
    again = msgspec.structs.replace(failed, attempt=2, command_id="2")
    events = one.command(SEALING.sealed(again, "w"))
    events += signalled(one)
    ended = SEALING.opened(only(events, WorkflowSucceeded))
    assert msgspec.json.decode(ended.output)["charged"] == f"no {SECRET.decode()}"


def test_the_cause_of_a_failure_is_sealed() -> None:
    failed = only(start(shard(lost), "lost"), WorkflowFailed)
    assert failed.error == "LookupError"
    assert failed.cause.startswith("sealed:v1.")
    assert SEALING.opened(failed).cause.startswith(f"LookupError: {SECRET.decode()}\n\nTraceback")


def test_a_repeated_start_joins_and_one_with_another_input_does_not() -> None:
    one = shard(pay)
    start(one, "pay")
    assert start(one, "pay", command_id="c2") == []
    other = StartWorkflow(command_id="c3", workflow_id="w", issued_at=0, name="pay", input=b'{"card":"another"}')
    assert only(one.command(SEALING.sealed(other, "w")), StartRefused).error == "headrace.AlreadyExists"


def test_expressions_of_graphs_see_what_is_sealed() -> None:
    one = shard(GRAPH)
    events = start(one, "graph")
    assert SEALING.opened(only(events, TaskScheduled)).input == b'{"card":"5105-1051!"}'
    events += answered(one, only(events, TaskScheduled))
    assert SEALING.opened(only(events, WorkflowSucceeded)).output == b'"5105-1051"'


def test_a_start_that_cannot_be_read_is_refused_at_once() -> None:
    refused = only(start(shard(pay, sealing=None), "pay"), StartRefused)
    assert refused.error == "headrace.PayloadUnreadable"
    assert "Expected key k1 in HEADRACE_PAYLOAD_KEYS, but found none" in refused.cause


def test_a_run_whose_key_is_gone_is_stuck_and_goes_on_when_it_is_back() -> None:
    one = shard(pay)
    scheduled = only(start(one, "pay"), TaskScheduled)
    one.sealing = Sealing(Keys({"k2": KEYS["k2"]}, "k2"))
    one.take_over()
    stuck = only(answered(one, scheduled), WorkflowStuck)
    assert stuck.error == "headrace.PayloadUnreadable"
    assert "Expected key k1 in HEADRACE_PAYLOAD_KEYS, but found k2" in stuck.cause
    one.sealing = Sealing(Keys(KEYS, "k2"))
    one.take_over()
    events = one.command(ResumeWorkflow(command_id="r", workflow_id="w", issued_at=0))
    events += signalled(one)
    assert only(events, WorkflowSucceeded).content_type == CONTENT_TYPE, names(events)


def test_what_is_not_sealed_goes_on_too() -> None:
    """Whoever starts by hand, without a key, gets the same workflow; what follows is sealed."""
    one = shard(lost)
    started = only(start(one, "lost", sealing=Sealing()), WorkflowStarted)
    assert SECRET in started.input
