"""Workflows that are signalled, paused, completed, moved and run again from outside, through all five services."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from headrace.client.errors import CommandRefused
from tests.stack.stack import Stack, wait_until

pytestmark = pytest.mark.timeout(300)
GREETER = """
from headrace import workflow

@workflow
async def greeter(ctx, name: str) -> str:
    {first}
    await ctx.receive("go")
    return {last}
"""
PREPARES = "await ctx.run('prepare', name)"


def new_id(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def told(stack: Stack, *arguments: str, code: int = 0) -> Any:
    """Run a command line with --json and return what it printed; what it said on stderr where it failed."""
    done = stack.cli(*arguments, "--json")
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout) if code == 0 else done.stderr


def test_a_callback_and_a_signal_while_it_is_paused(stack: Stack) -> None:
    customer = new_id("c")
    handle = stack.client.start("approval", {"customer": customer}, id=new_id("approval"))

    def asked() -> Any:
        found = stack.look(f"/workflows/{handle.id}")
        return (found or {}).get("published", {}).get("ask")

    token = wait_until("the token", asked)["data"]["token"]
    found = told(stack, "get", handle.id)
    assert [wait["kind"] for wait in found["waiting_for"]] == ["callback"]
    assert found["search"] == {"customer": customer, "tier": 2}
    assert [row["id"] for row in told(stack, "list", "--where", f"search.customer = '{customer}'")] == [handle.id]

    assert told(stack, "pause", handle.id, "--reason", "lunch")["status"] == "PAUSED"
    told(stack, "signal", handle.id, "paid", "--data", '{"amount": 12}')
    told(stack, "task", "heartbeat", token)
    told(stack, "task", "complete", token, "--output", '{"approved": true}')
    assert "headrace.TokenUsed" in told(stack, "task", "complete", token, "--output", "1", code=1)
    forged = token[:10] + ("A" if token[10] != "A" else "B") + token[11:]
    assert "headrace.InvalidToken" in told(stack, "task", "fail", forged, "--error", "E", code=1)
    assert told(stack, "get", handle.id)["status"] == "PAUSED"

    resumed = told(stack, "resume", "--where", f"search.customer = '{customer}'")
    assert [row["id"] for row in resumed] == [handle.id]
    assert handle.result(timeout=60) == {"answer": {"approved": True}, "paid": {"amount": 12}}
    found = stack.get(f"/workflows/{handle.id}")
    assert (found["search"]["tier"], found["waiting_for"]) == (3, [])
    assert "headrace.NotRunning" in told(stack, "signal", handle.id, "paid", code=1)
    assert "headrace.NotFound" in told(stack, "signal", new_id("nobody"), "paid", code=1)
    types = {row["type"] for row in told(stack, "history", handle.id)}
    assert types >= {"SignalReceived", "WorkflowPaused", "WorkflowResumed", "CallbackOpened", "StepEnded", "Published"}


def test_a_failed_run_goes_on_at_what_failed(stack: Stack) -> None:
    customer = new_id("c")
    handle = stack.client.start("delivery", {"customer": customer}, id=new_id("delivery"))
    assert stack.closed(handle.id)["status"] == "FAILED"
    (stack.scratch / f"deliverable-{customer}").touch()
    done = stack.cli("retry", handle.id, "--wait", "--timeout", "60")
    assert (done.returncode, json.loads(json.dumps(done.stdout.strip()))) == (
        0,
        f"offer for {customer}: delivered to {customer}",
    ), done.stderr
    assert (stack.scratch / f"prepared-{customer}.txt").read_text(encoding="utf-8") == "x"
    tasks = {task["name"]: task for task in stack.get(f"/workflows/{handle.id}/tasks")["items"]}
    assert {name: task["status"] for name, task in tasks.items()} == {"prepare": "SUCCEEDED", "deliver": "SUCCEEDED"}
    assert tasks["prepare"]["reused_from"]
    assert tasks["deliver"]["reused_from"] is None
    assert stack.get(f"/workflows/{handle.id}")["attempt"] == 2
    with pytest.raises(CommandRefused, match=r"SUCCEEDED|succeeded"):
        handle.retry(wait=True)


def test_a_run_moves_to_a_version_that_agrees_with_its_record(stack: Stack, tmp_path: Path) -> None:
    def version(first: str, last: str) -> str:
        file = tmp_path / "greeter.py"
        file.write_text(GREETER.format(first=first, last=last), encoding="utf-8")
        return str(told(stack, "deploy", str(file))[0]["version"])

    first = version(PREPARES, "'old ' + name")
    handle = stack.client.start("greeter", {"name": "ada"}, id=new_id("greeter"))
    wait_until("its start", lambda: stack.look(f"/workflows/{handle.id}"))
    second = version(PREPARES, "'new ' + name")
    assert told(stack, "migrate", handle.id, "--to", second, "--dry-run")["version"] == first
    assert told(stack, "migrate", handle.id, "--to", second)["version"] == second
    assert "headrace.UnknownDefinition" in told(stack, "migrate", handle.id, "--to", "nonsense", code=1)
    other = version("await ctx.sleep(5)", "name")
    parts = told(stack, "migrate", handle.id, "--to", other, code=1)
    assert "headrace.ReplayMismatch" in parts
    assert "prepare" in parts
    told(stack, "signal", handle.id, "go")
    assert handle.result(timeout=60) == "new ada"


def test_runs_that_continue_one_another_are_one_workflow(stack: Stack) -> None:
    handle = stack.client.start("rounds", {"left": 2}, id=new_id("rounds"))
    for _ in range(3):
        handle.signal("next", wait=True)
    assert handle.result(timeout=60) == "done"
    found = stack.get(f"/workflows/{handle.id}")
    assert (found["continued"], found["published"]["left"]["data"]) == (2, 0)
    assert found["run_id"] == f"{found['first_run_id']}.2"
