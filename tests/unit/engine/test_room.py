"""A decision about many runs or steps at once takes a bounded part of a record; the rest is pending, and lost never."""

from __future__ import annotations

from headrace.contracts.lease_events import LeaseRequested
from headrace.contracts.message import Message
from headrace.contracts.references import LeaseHolder
from headrace.contracts.resource_events import LeaseGranted
from headrace.contracts.task_events import TaskScheduled
from headrace.contracts.topics import RESOURCE_JOURNAL
from headrace.contracts.workflow_events import ActivationYielded
from headrace.engine.context import Limits
from tests.unit.engine.decision_shard import DecisionShard

ROOM = 20_000
SMALL = Limits(decision_bytes=ROOM, payload_bytes=4_000)
INPUT = {"items": [str(at) for at in range(40)], "pad": "x" * 1_000}
WIDE_LEASED = {
    "apiVersion": "headrace/v1",
    "name": "wide_leased",
    "resources": {"hall": {"capacity": 100}},
    "tasks": {
        "a": {
            "task": "one",
            "foreach": "{% $input.items %}",
            "input": {"x": "{% $item %}", "pad": "{% $input.pad %}"},
            "resource": {"name": "hall", "units": 1},
        }
    },
}
WIDE_RETRYING = {
    "apiVersion": "headrace/v1",
    "name": "wide_retrying",
    "tasks": {
        "a": {
            "task": "one",
            "foreach": "{% $input.items %}",
            "input": {"x": "{% $item %}", "pad": "{% $input.pad %}"},
            "retry": {"schedule": ["1s"]},
        }
    },
}


def scheduled(events: list[Message]) -> list[TaskScheduled]:
    return [event for event in events if isinstance(event, TaskScheduled)]


def rest(shard: DecisionShard) -> list[Message]:
    """Let the shard do what is pending, and hold every part of it against the room."""
    events: list[Message] = []
    while shard.decider.has_pending(shard.state):
        part = shard.resume()
        assert sum(len(task.input) for task in scheduled(part)) <= ROOM
        events += part
    return events


def test_many_leases_of_one_record_are_dispatched_in_parts() -> None:
    shard = DecisionShard(WIDE_LEASED, limits=SMALL)
    begun = shard.start("wide_leased", INPUT) + rest(shard)
    requests = [event for event in begun if isinstance(event, LeaseRequested)]
    assert len(requests) == 40
    first = shard.hear(*(granted(r, token) for token, r in enumerate(requests, start=1)), topic=RESOURCE_JOURNAL)
    assert 0 < len(scheduled(first)) < 40
    assert sum(len(task.input) for task in scheduled(first)) <= ROOM
    assert sum(isinstance(event, ActivationYielded) for event in first) == 1
    tasks = scheduled(first) + scheduled(rest(shard))
    assert sorted(task.step for task in tasks) == sorted(request.step for request in requests)
    assert len({task.fencing_token for task in tasks}) == 40


def test_many_retries_that_are_due_at_once_go_out_in_parts() -> None:
    shard = DecisionShard(WIDE_RETRYING, limits=SMALL)
    for task in scheduled(shard.start("wide_retrying", INPUT) + rest(shard)):
        shard.fail(task)
    parts = []
    while part := scheduled(shard.tick(10_000)):
        assert sum(len(task.input) for task in part) <= ROOM + SMALL.payload_bytes
        parts.append(part)
    assert len(parts) > 1
    assert sorted(task.step for part in parts for task in part if task.attempt == 2) == sorted(range(40))


def granted(request: LeaseRequested, token: int) -> LeaseGranted:
    holder = LeaseHolder(
        workflow_id=request.workflow_id, run_id=request.run_id, step=request.step, attempt=request.attempt, node="a"
    )
    return LeaseGranted(resource="hall", units=1, fencing_token=token, holder=holder, to_shard=0, at=1)
