"""The fold: every event type, and what each does to the rows."""

from __future__ import annotations

from typing import Any, get_args, get_origin, get_type_hints

import msgspec
import pytest

from headrace.contracts import topics
from headrace.contracts.child_events import ChildEnded, ChildRequested
from headrace.contracts.dispatch_events import (
    AssignmentsEnded,
    AttemptLost,
    TaskDropped,
    TaskQueued,
    TaskRequeued,
    TaskServed,
    TaskUnserved,
)
from headrace.contracts.events import ALL_EVENTS, RESOURCE_EVENTS, TASK_EVENTS
from headrace.contracts.lease_events import LeaseRequested
from headrace.contracts.message import Message
from headrace.contracts.references import LeaseHolder
from headrace.contracts.reports import Gauge
from headrace.contracts.resource_events import LeaseGranted, LeaseQueued, LeaseRefused, LeaseReleased, ResourceDeclared
from headrace.contracts.task_events import (
    NodeEnded,
    TaskCancelled,
    TaskRefused,
    TaskReleased,
    TaskSkipped,
    TaskTimedOut,
)
from headrace.contracts.timer_events import TimerCancelled, TimerFired, TimerStarted
from headrace.contracts.worker_events import WorkerLeft, WorkerLost, WorkerMeasured, WorkerStopping
from headrace.contracts.workflow_events import (
    CancelRequested,
    CommandRejected,
    StartRefused,
    WorkflowCancelled,
    WorkflowFailed,
    WorkflowStuck,
    WorkflowTerminated,
    WorkflowTimedOut,
)
from headrace_status.fold.changes import (
    ASSIGNED,
    FINAL_STATUSES,
    NOT_DISPATCHED,
    QUEUED,
    RUNNING,
    SCHEDULED,
    UNSERVED,
    WAITING,
    Append,
    Change,
    CloseTasks,
    Delete,
    Origin,
    Put,
)
from headrace_status.fold.history import OMITTED
from headrace_status.fold.registry import HANDLERS, IGNORED, changes
from headrace_status.model.columns import BY_NAME
from tests.support.status_events import ID, RUN, T0, assigned, done, failed, scheduled, started, succeeded

RUN_OF: dict[str, Any] = {"workflow_id": ID, "run_id": RUN}
STEP: dict[str, Any] = {**RUN_OF, "step": 3}
NODE: dict[str, Any] = {**STEP, "node": "n3"}
TASK: dict[str, Any] = {**NODE, "task": "measure", "queue": "q"}
HOLDER = LeaseHolder(**STEP, attempt=1, node="n3")
WORKER: dict[str, Any] = {"worker": "worker-1", "session": "s", "at": T0}


def topic_of(event: Message | type[Message]) -> str:
    kind = event if isinstance(event, type) else type(event)
    if kind in TASK_EVENTS:
        return topics.TASK_JOURNAL
    return topics.RESOURCE_JOURNAL if kind in RESOURCE_EVENTS else topics.WORKFLOW_JOURNAL


def folded(event: Message) -> list[Change]:
    found = list(changes(event, Origin(topic_of(event), 0, 7), T0))
    return [change for change in found if not (isinstance(change, Append) and change.table == "history")]


def example(kind: type[Message]) -> Message:
    """Return a message whose every field without a default has some value."""
    values: dict[str, Any] = {}
    hints = get_type_hints(kind)
    for field in msgspec.structs.fields(kind):
        if not field.required:
            continue
        hint = hints[field.name]
        if isinstance(hint, type) and issubclass(hint, Message):
            values[field.name] = example(hint)
        elif get_origin(hint) in (list, dict):
            values[field.name] = get_origin(hint)()
        else:
            plain = hint if isinstance(hint, type) else get_args(hint)[0]
            values[field.name] = {str: "x", int: 1, float: 1.5, bytes: b"1", bool: True}[plain]
    return kind(**values)


def test_every_event_is_handled_or_ignored_with_a_reason() -> None:
    names = {kind.__name__ for kind in ALL_EVENTS}
    assert names - HANDLERS.keys() - IGNORED.keys() == set()
    assert HANDLERS.keys() & IGNORED.keys() == set()
    assert OMITTED.keys() <= names
    assert IGNORED.keys() <= names


@pytest.mark.parametrize("kind", ALL_EVENTS, ids=lambda kind: kind.__name__)
def test_every_change_names_columns_that_exist(kind: type[Message]) -> None:
    for change in changes(example(kind), Origin(topic_of(kind), 0, 7), T0):
        if isinstance(change, CloseTasks):
            continue
        table = BY_NAME[change.table]
        if isinstance(change, Append):
            assert len(change.row) == len(table.columns)
        else:
            assert len(change.key) == table.key_length
        if isinstance(change, Put):
            assert change.values.keys() <= set(table.names[table.key_length :])


@pytest.mark.parametrize("kind", ALL_EVENTS, ids=lambda kind: kind.__name__)
def test_every_event_stands_in_the_history_unless_it_is_omitted(kind: type[Message]) -> None:
    rows = [
        change
        for change in changes(example(kind), Origin(topic_of(kind), 0, 7), T0)
        if isinstance(change, Append) and change.table == "history"
    ]
    assert len(rows) == (0 if kind.__name__ in OMITTED else 1)
    for row in rows:
        assert row.row[-2] == kind.__name__
        msgspec.json.decode(row.row[-1])


WORKFLOW_CASES: list[tuple[Message, dict[str, Any]]] = [
    (started(), {"status": "RUNNING", "attempt": 1, "input": '{"root":"/usr"}', "started_at": T0}),
    (succeeded(), {"status": "SUCCEEDED", "output": "[1,2]", "ended_at": T0 + 900}),
    (WorkflowFailed(**RUN_OF, error="E", cause="c", at=T0), {"status": "FAILED", "error": "E", "cause": "c"}),
    (
        WorkflowCancelled(**RUN_OF, reason="r", at=T0),
        {"status": "CANCELLED", "error": "headrace.Cancelled", "reason": "r"},
    ),
    (WorkflowTerminated(**RUN_OF, at=T0), {"status": "TERMINATED", "error": "headrace.Terminated"}),
    (WorkflowTimedOut(**RUN_OF, timeout_ms=5, at=T0), {"status": "TIMED_OUT", "error": "headrace.WorkflowTimedOut"}),
    (WorkflowStuck(**RUN_OF, error="E", cause="c", at=T0), {"status": "STUCK", "reason": "E: c"}),
    (CancelRequested(**RUN_OF, reason="r", at=T0), {"reason": "cancel requested: r"}),
    (
        StartRefused(workflow_id=ID, command_id="c", name="n", error="E", cause="c", at=T0),
        {"run_id": "", "status": "FAILED", "error": "E", "attempt": 0},
    ),
    (
        CommandRejected(
            topic="t", partition=0, offset=1, key=b"", value=b"", error="E", reason="r", workflow_id=ID, at=T0
        ),
        {"run_id": "", "status": "FAILED", "error": "E", "cause": "r"},
    ),
]


@pytest.mark.parametrize(("event", "expected"), WORKFLOW_CASES, ids=lambda case: type(case).__name__)
def test_workflow_rows(event: Message, expected: dict[str, Any]) -> None:
    (put,) = [change for change in folded(event) if isinstance(change, Put) and change.table == "workflows"]
    assert put.key == (ID,)
    assert {name: put.values[name] for name in expected} == expected


def test_a_rejected_record_leaves_the_name_that_a_refusal_gave() -> None:
    refused = StartRefused(workflow_id=ID, command_id="c", name="census", error="E", cause="c", at=T0)
    rejected = CommandRejected(
        topic="t", partition=0, offset=1, key=b"", value=b"", error="E2", reason="r", workflow_id=ID, at=T0
    )
    row: dict[str, Any] = {}
    for event in (refused, rejected):
        (put,) = [change for change in folded(event) if isinstance(change, Put) and change.table == "workflows"]
        row.update(put.values)
    assert (row["name"], row["error"]) == ("census", "E2")


TASK_CASES: list[tuple[Message, int, dict[str, Any]]] = [
    (scheduled(3), 1, {"decided": SCHEDULED, "input": '{"a":1}', "input_bytes": 7}),
    (done(3), 1, {"decided": FINAL_STATUSES["SUCCEEDED"], "output": '{"lines":3}', "result_worker": "worker-1"}),
    (failed(3, attempt=2), 2, {"decided": FINAL_STATUSES["FAILED"], "error": "ValueError"}),
    (
        TaskTimedOut(**TASK, attempt=1, timeout="heartbeat", at=T0),
        1,
        {"decided": FINAL_STATUSES["TIMED_OUT"], "error": "headrace.TaskTimedOut"},
    ),
    (TaskSkipped(**NODE, status="SKIPPED", at=T0), 0, {"decided": FINAL_STATUSES["SKIPPED"]}),
    (TaskSkipped(**NODE, status="UPSTREAM_FAILED", at=T0), 0, {"decided": FINAL_STATUSES["UPSTREAM_FAILED"]}),
    (
        TaskRefused(**NODE, error="E", cause="c", at=T0),
        0,
        {"decided": FINAL_STATUSES["FAILED"], "error": "E", "cause": "c"},
    ),
    (TaskReleased(**STEP, attempt=1, fencing_token=4, losses=2, at=T0), 1, {"decided": WAITING, "losses": 2}),
    (
        LeaseRequested(**NODE, attempt=1, task="measure", resource="parser", units=2, at=T0),
        1,
        {"decided": WAITING, "reason": "waits for 2 of resource parser"},
    ),
    (TimerStarted(**NODE, due_at=T0 + 9, at=T0), 1, {"decided": RUNNING, "kind": "timer", "retry_at": T0 + 9}),
    (TimerFired(**STEP, at=T0), 1, {"decided": FINAL_STATUSES["SUCCEEDED"]}),
    (TimerCancelled(**STEP, at=T0), 1, {"decided": FINAL_STATUSES["CANCELLED"]}),
    (
        ChildRequested(**NODE, child_id="c", to_shard=0, name="d", input=b"1", at=T0),
        1,
        {"decided": RUNNING, "child_id": "c"},
    ),
    (
        ChildEnded(**NODE, child_id="c", status="TERMINATED", output=b"", at=T0),
        1,
        {"decided": FINAL_STATUSES["CANCELLED"]},
    ),
    (ChildEnded(**NODE, child_id="c", status="SUCCEEDED", output=b"2", at=T0), 1, {"decided": 100, "output": "2"}),
    (assigned(3), 1, {"dispatched": ASSIGNED, "assigned_worker": "worker-1"}),
    (TaskQueued(task=scheduled(3), shard=0, at=T0), 1, {"dispatched": QUEUED, "queue": "q"}),
    (
        TaskRequeued(assignment=1, reason="lost", losses=1, at=T0, **STEP, attempt=1),
        1,
        {"dispatched": QUEUED, "losses": 1},
    ),
    (TaskDropped(**STEP, attempt=1, reason="ended", at=T0), 1, {"dispatched": NOT_DISPATCHED}),
    (
        AttemptLost(**STEP, attempt=1, to_shard=0, assignment=1, losses=3, poison=True, at=T0),
        1,
        {"dispatched": NOT_DISPATCHED, "losses": 3},
    ),
    (
        TaskUnserved(**STEP, attempt=1, queue="q", reason="nobody", at=T0),
        1,
        {"dispatched": UNSERVED, "dispatch_reason": "nobody"},
    ),
    (TaskServed(**STEP, attempt=1, at=T0), 1, {"dispatched": QUEUED, "dispatch_reason": ""}),
]


@pytest.mark.parametrize(("event", "attempt", "expected"), TASK_CASES, ids=lambda case: type(case).__name__)
def test_task_rows(event: Message, attempt: int, expected: dict[str, Any]) -> None:
    (put,) = [change for change in folded(event) if isinstance(change, Put) and change.table == "tasks"]
    assert put.key == (ID, RUN, 3, attempt)
    assert {name: put.values[name] for name in expected} == expected


def test_an_attempt_that_is_tried_again_leaves_the_next_one_waiting() -> None:
    first, second = folded(failed(3, retry_at=T0 + 50))
    assert isinstance(first, Put)
    assert isinstance(second, Put)
    assert (first.key[-1], first.values["decided"]) == (1, FINAL_STATUSES["FAILED"])
    assert (second.key[-1], second.values["decided"], second.values["retry_at"]) == (2, WAITING, T0 + 50)


def test_ends_close_what_is_open() -> None:
    assert CloseTasks(ID, RUN, 3, "why", T0) in folded(TaskCancelled(**TASK, reason="why", at=T0))
    (close,) = [change for change in folded(succeeded()) if isinstance(change, CloseTasks)]
    assert (close.workflow_id, close.run_id, close.step) == (ID, RUN, -1)


def test_assignments_hold_slots_until_they_end() -> None:
    (put,) = [change for change in folded(assigned(3, 9)) if isinstance(change, Put) and change.table == "assignments"]
    assert (put.key, put.values["worker"]) == ((0, 9), "worker-1")
    assert folded(AssignmentsEnded(assignments=[9, 10], at=T0)) == [
        Delete("assignments", (0, 9)),
        Delete("assignments", (0, 10)),
    ]


def test_nodes_workers_and_resources() -> None:
    (node,) = folded(NodeEnded(**NODE, status="FAILED", error="E", at=T0))
    assert isinstance(node, Put)
    assert (node.key, node.values["status"]) == ((ID, RUN, "n3"), "FAILED")
    for event, status in (
        (WorkerStopping(**WORKER), "STOPPING"),
        (WorkerLeft(**WORKER), "LEFT"),
        (WorkerLost(**WORKER, reason="silent"), "LOST"),
    ):
        (worker,) = folded(event)
        assert isinstance(worker, Put)
        assert (worker.key, worker.values["status"]) == (("worker-1", 0), status)
    (measured,) = folded(WorkerMeasured(**WORKER, gauges=[Gauge(name="load_1m", value=0.5)]))
    assert isinstance(measured, Put)
    assert (measured.key, measured.values["gauges"]) == (("worker-1", 0), '{"load_1m":0.5}')
    key = ("parser", ID, RUN, 3, 1)
    (queued,) = folded(LeaseQueued(resource="parser", units=2, holder=HOLDER, at=T0))
    (granted,) = folded(LeaseGranted(resource="parser", units=2, fencing_token=4, holder=HOLDER, to_shard=0, at=T0))
    assert isinstance(queued, Put)
    assert isinstance(granted, Put)
    assert (queued.key, queued.values["state"], granted.key, granted.values["state"]) == (key, "WAITING", key, "HELD")
    released = LeaseReleased(resource="parser", units=2, fencing_token=4, holder=HOLDER, reason="r", at=T0)
    refused = LeaseRefused(resource="parser", units=2, holder=HOLDER, to_shard=0, error="E", cause="c", at=T0)
    assert folded(released) == folded(refused) == [Delete("leases", key)]
    (declared,) = folded(ResourceDeclared(resource="parser", capacity=8, at=T0))
    assert isinstance(declared, Put)
    assert declared.values["capacity"] == 8
