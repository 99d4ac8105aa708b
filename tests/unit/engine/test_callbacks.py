"""Callbacks: a token goes out, and whoever has it completes, fails or keeps alive what the workflow waits for."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts.callback_tokens import CallbackStep, InvalidToken, read_token, write_token
from headrace.contracts.task_events import TaskScheduled
from headrace.contracts.wait_commands import CompleteCallback, FailCallback, HeartbeatCallback
from headrace.contracts.wait_events import (
    CallbackHeartbeat,
    CallbackOpened,
    CommandRefused,
    StepCancelled,
    StepEnded,
)
from headrace.contracts.workflow_events import WorkflowFailed, WorkflowSucceeded
from headrace.engine.programs.python.errors import CallbackFailed, CallbackTimedOut
from headrace.engine.tokens import Tokens
from tests.unit.engine.decision_shard import DecisionShard, names, only


async def approval(ctx: Any) -> Any:
    callback = ctx.callback(timeout="1h", heartbeat="10m")
    await ctx.run("ask", callback.token)
    try:
        return await callback
    except CallbackTimedOut as late:
        return ["late", late.cause]
    except CallbackFailed as failed:
        return [failed.error, failed.cause, failed.status]


async def strict(ctx: Any) -> Any:
    callback = ctx.callback(type=int)
    await ctx.run("ask", callback.token)
    return await callback


async def hasty(ctx: Any) -> Any:
    callback = ctx.callback()
    await ctx.run("ask", callback.token)
    await ctx.race(callback, ctx.sleep("1m"))
    return await ctx.run("later")


async def again(ctx: Any, n: int = 0) -> Any:
    callback = ctx.callback()
    await ctx.run("ask", callback.token)
    if n == 0:
        await ctx.continue_as_new(1)
    return await callback


@pytest.fixture(params=[False, True], ids=["live", "rebuilt"])
def shard(request: pytest.FixtureRequest) -> DecisionShard:
    return DecisionShard(approval, strict, hasty, again, forgetful=request.param)


def opened(shard: DecisionShard, name: str = "approval") -> str:
    """Start a workflow, finish its first task, and return the token."""
    events = shard.start(name)
    task = only(events, TaskScheduled)
    shard.complete(task)
    token: str = msgspec.json.decode(task.input)
    return token


def ids(token: str, command_id: str = "k1", workflow_id: str = "w") -> dict[str, Any]:
    return {"command_id": command_id, "workflow_id": workflow_id, "issued_at": 0, "token": token}


def output(events: list[Any]) -> Any:
    return msgspec.json.decode(only(events, WorkflowSucceeded).output)


def test_completing_ends_the_wait_with_the_output(shard: DecisionShard) -> None:
    token = opened(shard)
    events = shard.command(CompleteCallback(**ids(token), output=b'{"by": "ann"}'))
    ended = only(events, StepEnded)
    assert (ended.kind, ended.status, ended.command_id) == ("callback", "SUCCEEDED", "k1")
    assert output(events) == {"by": "ann"}


def test_failing_raises(shard: DecisionShard) -> None:
    token = opened(shard)
    assert output(shard.command(FailCallback(**ids(token), error="Refused", cause="too dear"))) == [
        "Refused",
        "too dear",
        "FAILED",
    ]


def test_the_token_is_the_same_in_every_replay(shard: DecisionShard) -> None:
    token = opened(shard)
    step, _ = read_token(token)
    run = shard.state.runs["w"]
    assert step == CallbackStep(workflow_id="w", run_id=run.run_id, step=0)
    shard.new_process()
    assert shard.activations.tokens.mint("w", run.run_id, 0) == token


def test_it_may_be_completed_before_anybody_waits(shard: DecisionShard) -> None:
    task = only(shard.start("approval"), TaskScheduled)
    token = msgspec.json.decode(task.input)
    assert names(shard.command(CompleteCallback(**ids(token), output=b"7"))) == ["StepEnded"]
    assert output(shard.complete(task)) == 7


def test_nobody_completes_it_in_time(shard: DecisionShard) -> None:
    token = opened(shard)
    for minutes in range(9, 60, 9):
        shard.now_ms = 1_000 + minutes * 60_000
        only(shard.command(HeartbeatCallback(**ids(token, f"h{minutes}"))), CallbackHeartbeat)
    assert output(shard.tick(1_000 + 3_600_000)) == ["late", "nobody completed it in time"]


def test_no_sign_of_life(shard: DecisionShard) -> None:
    token = opened(shard)
    shard.now_ms += 500_000
    shard.command(HeartbeatCallback(**ids(token)))
    assert shard.tick(1_000 + 600_000) == []
    assert output(shard.tick(1_000 + 500_000 + 600_000)) == ["late", "no sign of life for 600000 ms"]


def test_another_type_is_an_error_in_the_workflow(shard: DecisionShard) -> None:
    token = opened(shard, "strict")
    failed = only(shard.command(CompleteCallback(**ids(token), output=b'"seven"')), WorkflowFailed)
    assert failed.error == "headrace.ResultMismatch"


def test_a_command_that_is_delivered_twice_counts_once(shard: DecisionShard) -> None:
    task = only(shard.start("approval"), TaskScheduled)
    token = msgspec.json.decode(task.input)
    command = CompleteCallback(**ids(token), output=b"7")
    shard.command(command)
    assert shard.command(command) == []
    shard.complete(task)
    assert shard.command(command) == []


def refused(shard: DecisionShard, token: str, **fields: Any) -> str:
    event = only(shard.command(CompleteCallback(**{**ids(token, "k9"), **fields})), CommandRefused)
    assert event.cause.startswith("Expected ")
    assert (event.command, event.command_id) == ("CompleteCallback", "k9")
    return event.error


def test_a_token_can_be_used_once(shard: DecisionShard) -> None:
    task = only(shard.start("approval"), TaskScheduled)
    token = msgspec.json.decode(task.input)
    shard.command(CompleteCallback(**ids(token)))
    assert refused(shard, token) == "headrace.TokenUsed"


def test_a_token_expires(shard: DecisionShard) -> None:
    task = only(shard.start("approval"), TaskScheduled)
    token = msgspec.json.decode(task.input)
    shard.tick(1_000 + 3_600_000)
    assert refused(shard, token) == "headrace.TokenExpired"


def test_a_token_whose_callback_was_given_up_has_expired(shard: DecisionShard) -> None:
    token = opened(shard, "hasty")
    events = shard.tick(shard.now_ms + 60_000)
    assert names(events) == ["TimerFired", "StepCancelled", "TaskScheduled"]
    assert only(events, StepCancelled).kind == "callback"
    assert refused(shard, token) == "headrace.TokenExpired"


def test_a_token_of_a_run_that_is_gone(shard: DecisionShard) -> None:
    token = opened(shard)
    shard.terminate()
    assert refused(shard, token) == "headrace.NotRunning"
    shard.start("approval", command_id="c2", if_exists="rerun")
    assert refused(shard, token) == "headrace.NotRunning"


def test_a_token_of_a_run_that_has_gone_on_as_new(shard: DecisionShard) -> None:
    task = only(shard.start("again"), TaskScheduled)
    shard.complete(task)
    assert refused(shard, msgspec.json.decode(task.input)) == "headrace.NotRunning"


def test_a_token_that_somebody_else_has_made(shard: DecisionShard) -> None:
    token = opened(shard)
    step, _ = read_token(token)
    forged = Tokens(b"another secret").mint(step.workflow_id, step.run_id, step.step)
    assert refused(shard, forged) == "headrace.InvalidToken"
    assert refused(shard, "what?") == "headrace.InvalidToken"
    assert refused(shard, token, workflow_id="other") == "headrace.InvalidToken"


def test_an_output_that_is_no_json_is_refused_and_the_callback_stays_open(shard: DecisionShard) -> None:
    token = opened(shard)
    assert refused(shard, token, output=b"{") == "headrace.InvalidInput"
    assert output(shard.command(CompleteCallback(**ids(token), output=b"1"))) == 1


def test_the_first_secret_signs_and_all_verify() -> None:
    old, new = Tokens(b"old"), Tokens(b"new", b"old")
    assert new.read(old.mint("w", "r", 3)).step == 3
    with pytest.raises(InvalidToken):
        old.read(new.mint("w", "r", 3))


def test_what_it_times_out_with_is_nothing_when_no_limit_is_given(shard: DecisionShard) -> None:
    opening = only(shard.start("strict"), CallbackOpened)
    assert (opening.due_at, opening.heartbeat_ms) == (0, 0)


@given(
    st.from_regex(r"\A[A-Za-z0-9._:@=+-]{1,200}\Z"),
    st.from_regex(r"\A[a-z0-9.-]{1,60}\Z"),
    st.integers(0, 2**31 - 1),
    st.binary(min_size=16, max_size=16),
)
def test_a_token_names_its_step(workflow_id: str, run_id: str, step: int, signature: bytes) -> None:
    named = CallbackStep(workflow_id=workflow_id, run_id=run_id, step=step)
    assert read_token(write_token(named, signature)) == (named, signature)


@given(st.one_of(st.text(max_size=80), st.binary(max_size=80).map(lambda b: base64.urlsafe_b64encode(b).decode())))
def test_any_other_text_is_no_token(text: str) -> None:
    """But for the text of a token, which chance does not find."""
    try:
        step, signature = read_token(text)
    except InvalidToken:
        return
    assert write_token(step, signature) == text


@pytest.mark.parametrize("text", ["", "hello", "ä", "AAAA", "A" * 2_000, "=" * 8])
def test_what_is_no_token_is_told_so(text: str) -> None:
    with pytest.raises(InvalidToken, match="Expected the token of a callback"):
        read_token(text)


@pytest.mark.parametrize("change", [0, 5, 20, -1])
def test_a_token_with_one_letter_changed_is_refused(change: int) -> None:
    tokens = Tokens(b"secret")
    token = tokens.mint("order-1", "0-7", 4)
    letters = list(token)
    letters[change] = "A" if letters[change] != "A" else "B"
    with pytest.raises(InvalidToken):
        tokens.read("".join(letters))
