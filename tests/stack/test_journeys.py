"""Workflows through all five services, as a user would start and see them."""

from __future__ import annotations

import json
import uuid
from typing import Any

import psycopg
import pytest

from headrace.client.errors import StartRefused, WorkflowFailed
from headrace.engine.programs.python.payloads import to_json
from tests.stack.stack import Stack, wait_until

pytestmark = pytest.mark.timeout(300)


def new_id(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def run(stack: Stack, name: str, input: Any = None, **options: Any) -> dict[str, Any]:
    """Start a workflow and return it once it has ended."""
    handle = stack.client.start(name, input if input is not None else {}, id=new_id(name), **options)
    return stack.closed(handle.id)


def test_a_python_workflow_maps_catches_and_has_a_child(stack: Stack) -> None:
    handle = stack.client.start("arithmetic", {"n": 4}, id=new_id("arithmetic"))
    assert handle.result(timeout=60) == {"doubled": [0, 2, 4, 6], "tripled": 12, "error": "LookupError", "sum": 12}
    tasks = stack.get(f"/workflows/{handle.id}/tasks")["items"]
    assert sorted(task["status"] for task in tasks if task["name"] == "double") == ["SUCCEEDED"] * 4
    assert {task["worker"] for task in tasks if task["name"] == "double"} <= {"worker-1", "worker-2"}


def test_attempts_that_fail_are_tried_again_and_all_are_kept(stack: Stack) -> None:
    handle = stack.client.start("one_task", {"task": "flaky"}, id=new_id("flaky"))
    assert handle.result(timeout=60) == 2
    attempts = stack.get(f"/workflows/{handle.id}/tasks", attempts="all")["items"]
    assert sorted((one["attempt"], one["status"]) for one in attempts) == [(1, "FAILED"), (2, "SUCCEEDED")]


@pytest.mark.parametrize(
    ("task", "error"),
    [
        ("explode", "LookupError"),
        ("refuse", "NonRetryable"),
        ("leave", "SystemExit"),
        ("unserialisable", "headrace.SerializationError"),
    ],
)
def test_a_task_that_cannot_succeed_fails_with_the_real_reason(stack: Stack, task: str, error: str) -> None:
    found = run(stack, "one_task", {"task": task})
    assert (found["status"], found["error"]) == ("FAILED", error)


def test_a_task_that_takes_too_long_times_out_and_the_listener_is_told(stack: Stack) -> None:
    found = run(stack, "lingering")
    assert (found["status"], found["error"]) == ("FAILED", "headrace.TaskTimedOut")
    told = stack.scratch / "told.txt"
    wait_until("the listener to be told", lambda: told.exists() and found["id"] in told.read_text(encoding="utf-8"))


def test_leases_bound_how_many_run_at_once_and_tokens_grow(stack: Stack) -> None:
    found = run(stack, "leases", {"names": list("abcdef")})
    assert found["status"] == "SUCCEEDED", found
    spans = found["output"]
    assert len({token for _, _, token in spans}) == 6
    for began, ended, _ in spans:
        assert sum(other[0] < ended and began < other[1] for other in spans) <= 3
    moments = sorted([(began, 1) for began, _, _ in spans] + [(ended, -1) for _, ended, _ in spans])
    held = highest = 0
    for _, change in moments:
        held += change
        highest = max(highest, held)
    assert highest <= 2


def test_the_same_start_joins_and_another_is_refused_and_changes_nothing(stack: Stack) -> None:
    workflow_id = new_id("twice")
    stack.client.start("order", {"amount": 1}, id=workflow_id).result(timeout=60)
    assert stack.client.start("order", {"amount": 1}, id=workflow_id).result(timeout=60) == 2
    with pytest.raises(StartRefused, match="AlreadyExists"):
        stack.client.start("order", {"amount": 5}, id=workflow_id).result(timeout=60)
    assert stack.get(f"/workflows/{workflow_id}")["output"] == 2


def test_an_unknown_workflow_is_refused_in_the_read_api_and_in_the_dead_letters(stack: Stack) -> None:
    handle = stack.client.start("nobody", {}, id=new_id("nobody"))
    with pytest.raises((StartRefused, WorkflowFailed), match="UnknownDefinition"):
        handle.result(timeout=60)


def test_a_workflow_that_never_waits_is_stuck_and_terminate_frees_it(stack: Stack) -> None:
    handle = stack.client.start("endless", {}, id=new_id("endless"))
    found = stack.closed(handle.id)
    assert (found["status"], found["error"]) == ("STUCK", "headrace.BudgetExceeded")
    stack.client.terminate(handle.id)
    wait_until("its end", lambda: stack.get(f"/workflows/{handle.id}")["status"] == "TERMINATED")


def test_cancelling_reaches_a_running_task(stack: Stack) -> None:
    handle = stack.client.start("waits", {"name": "never"}, id=new_id("waits"))
    wait_until("the task to run", lambda: "RUNNING" in _task_statuses(stack, handle.id))
    stack.client.cancel(handle.id, "enough")
    assert stack.closed(handle.id)["status"] == "CANCELLED"


def test_an_input_of_exactly_the_limit_is_in_the_log_and_one_more_lies_elsewhere(stack: Stack) -> None:
    limit = stack.settings.payload_limit_bytes
    value = "x" * (limit - len(to_json({"name": ""})))
    for given, is_there in ((value, True), (value + "x", False)):
        handle = stack.client.start("waits", {"name": given}, id=new_id("large"))
        found = wait_until("the start", lambda handle=handle: stack.look(f"/workflows/{handle.id}"))
        assert (found["input"]["name"] == given) is is_there
        assert is_there or found["input"]["name"]["size"] == len(given) + 2
        stack.client.terminate(handle.id)


def test_what_a_task_prints_and_logs_is_found_by_its_workflow(stack: Stack) -> None:
    found = run(stack, "one_task", {"task": "chatter"})

    def said() -> bool:
        lines = stack.get(f"/workflows/{found['id']}/logs")["items"]
        return {"printed by the task", "logged by the task"} <= {line["message"] for line in lines}

    wait_until("the lines", said)


def test_sql_on_the_views_shows_the_same_and_the_role_can_only_read(stack: Stack) -> None:
    found = run(stack, "order", {"amount": 21})
    with psycopg.connect(stack.postgres) as connection:
        row = connection.execute("select status from workflows where id = %s", [found["id"]]).fetchone()
        assert row == ("SUCCEEDED",)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("create table mine (x int)")


def test_one_trace_goes_from_the_start_through_every_service(stack: Stack) -> None:
    trace_id = uuid.uuid4().hex
    handle = stack.client.start("order", {"amount": 2}, id=new_id("traced"), traceparent=f"00-{trace_id}-{'ab' * 8}-01")
    handle.result(timeout=60)
    file = stack.state.parent / "trace.jsonl"

    def services() -> bool:
        spans = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []
        found = {span["service"] for span in spans if span["trace_id"] == trace_id}
        return {"decision", "dispatcher", "worker", "listener", "status"} <= found

    wait_until("spans of every service in one trace", services)


def test_a_trigger_starts_one_workflow_per_record_exactly_once_by_its_id(stack: Stack) -> None:
    from confluent_kafka import Producer
    from confluent_kafka.admin import AdminClient, NewTopic

    admin = AdminClient(stack.settings.client_config())
    if "test-orders" not in admin.list_topics(timeout=10).topics:
        admin.create_topics([NewTopic("test-orders", 1, 1)])["test-orders"].result(30)
    producer = Producer(stack.settings.client_config())
    key = uuid.uuid4().hex[:8]
    for _ in range(3):
        producer.produce("test-orders", json.dumps({"amount": 4}), key)
    assert producer.flush(30) == 0
    found = wait_until("the order", lambda: stack.look(f"/workflows/order-{key}"))
    assert stack.closed(found["id"])["output"] == 8
    assert stack.get(f"/workflows/order-{key}")["attempt"] == 1


def _task_statuses(stack: Stack, workflow_id: str) -> list[str]:
    """Return the tasks' statuses; none while the read model does not know the workflow."""
    found = stack.look(f"/workflows/{workflow_id}/tasks")
    return [task["status"] for task in found["items"]] if found else []
