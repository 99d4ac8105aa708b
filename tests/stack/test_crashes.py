"""Kill what you like: the work goes on. Each test leaves the stack whole again."""

from __future__ import annotations

import uuid

import pytest

from tests.stack.stack import Stack, wait_until

pytestmark = pytest.mark.timeout(400)
FAR_S = 120


@pytest.mark.parametrize(
    "name", ["decision", "dispatcher", "worker-1", "resources", "listener", "status", "postgres", "kafka"]
)
def test_a_workflow_that_runs_survives_the_death_of(stack: Stack, name: str) -> None:
    key = f"{name}-{uuid.uuid4().hex[:8]}"
    handle = stack.client.start("waits", {"name": key}, id=key)
    wait_until(
        "the task to run",
        lambda: [t for t in _tasks(stack, key) if t["status"] == "RUNNING"] or None,
    )
    stack.kill(name)
    (stack.scratch / key).write_text("go on", encoding="utf-8")
    assert stack.closed(handle.id, FAR_S)["status"] == "SUCCEEDED"
    after = stack.client.start("order", {"amount": 3}, id=f"after-{key}")
    assert stack.closed(after.id, FAR_S)["output"] == 6


def test_a_task_that_kills_its_worker_fails_as_poison(stack: Stack) -> None:
    key = f"poison-{uuid.uuid4().hex[:8]}"
    stack.client.start("one_task", {"task": "kill_worker"}, id=key)
    found = stack.closed(key, FAR_S)
    assert (found["status"], found["error"]) == ("FAILED", "headrace.PoisonTask")


def _tasks(stack: Stack, workflow_id: str) -> list[dict[str, str]]:
    found = stack.look(f"/workflows/{workflow_id}/tasks")
    return found["items"] if found else []
