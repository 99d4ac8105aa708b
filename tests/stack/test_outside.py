"""The stack from outside: the command line, and a start from a plain Kafka client."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from typing import Any

import pytest

from tests.stack.stack import ROOT, Stack

pytestmark = pytest.mark.timeout(300)


def new_id(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def printed(stack: Stack, *arguments: str, code: int = 0) -> Any:
    """Run a command with `--json` and return what it printed."""
    done = stack.cli(*arguments, "--json")
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return json.loads(done.stdout) if done.stdout else None


def test_starts_from_a_plain_kafka_client_with_its_own_partitioner(stack: Stack) -> None:
    """librdkafka's partitioner agrees with ours on few keys, so most of these land on another shard and are
    forwarded.
    """
    ids = [new_id("by-hand") for _ in range(6)]
    for number, workflow_id in enumerate(ids):
        arguments = [stack.kafka, "order", workflow_id, json.dumps({"amount": number})]
        done = subprocess.run(
            [sys.executable, str(ROOT / "examples" / "start_by_hand.py"), *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert stack.get(f"/workflows/{workflow_id}", after=done.stdout.strip())["name"] == "order"
    assert [stack.closed(workflow_id)["output"] for workflow_id in ids] == [0, 2, 4, 6, 8, 10]


def test_start_and_wait_prints_the_workflow(stack: Stack) -> None:
    workflow_id = new_id("order")
    found = printed(
        stack, "start", "order", "--id", workflow_id, "--input", '{"amount": 21}', "--wait", "--timeout", "60"
    )
    assert (found["id"], found["status"], found["output"]) == (workflow_id, "SUCCEEDED", 42)
    assert printed(stack, "get", workflow_id)["output"] == 42
    assert workflow_id in [row["id"] for row in printed(stack, "list", "--name", "order", "--status", "SUCCEEDED")]
    types = [event["type"] for event in printed(stack, "history", workflow_id)]
    assert types[0] == "WorkflowStarted"
    assert types[-1] == "WorkflowSucceeded"


def test_a_workflow_that_fails_is_exit_1_with_its_reason(stack: Stack) -> None:
    done = stack.cli("start", "one_task", "--input", '{"task": "explode"}', "--wait", "--timeout", "60")
    assert (done.returncode, done.stdout) == (1, "")
    assert "FAILED: LookupError: " in done.stderr


def test_a_time_out_is_exit_3_and_the_workflow_goes_on(stack: Stack) -> None:
    workflow_id = new_id("waits")
    arguments = ("start", "waits", "--id", workflow_id, "--input", '{"name": "never"}', "--wait", "--timeout", "1")
    done = stack.cli(*arguments)
    assert done.returncode == 3
    assert f"Expected {workflow_id} to end within 1 s" in done.stderr
    cancelled = printed(stack, "cancel", workflow_id, "--reason", "enough")
    assert cancelled["id"] == workflow_id
    assert stack.closed(workflow_id)["status"] == "CANCELLED"


def test_a_start_that_is_refused_is_exit_1_without_waiting_for_an_end(stack: Stack) -> None:
    done = stack.cli("start", "nobody")
    assert (done.returncode, done.stdout) == (1, "")
    assert "headrace.UnknownDefinition" in done.stderr
    workflow_id = new_id("order")
    printed(stack, "start", "order", "--id", workflow_id, "--input", '{"amount": 1}', "--wait")
    again = stack.cli("start", "order", "--id", workflow_id, "--input", '{"amount": 2}')
    assert again.returncode == 1
    assert "headrace.AlreadyExists" in again.stderr


@pytest.mark.parametrize("command", ["get", "history", "cancel", "terminate"])
def test_no_such_workflow_is_exit_1(stack: Stack, command: str) -> None:
    done = stack.cli(command, new_id("none"), "--json")
    assert (done.returncode, done.stdout) == (1, "")
    assert "there is no such thing" in done.stderr
