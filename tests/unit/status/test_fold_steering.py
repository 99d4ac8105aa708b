"""The fold of what steers a workflow: pauses, versions, continuations, waits, attributes, refusals."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.contracts.control_events import StepReused, WorkflowMigrated, WorkflowPaused, WorkflowResumed
from headrace.contracts.message import Message
from headrace.contracts.record_events import Published, SearchAttributesSet, WorkflowContinued
from headrace.contracts.topics import WORKFLOW_JOURNAL
from headrace.contracts.wait_events import (
    AttachRequested,
    CallbackHeartbeat,
    CallbackOpened,
    CommandRefused,
    SignalReceived,
    SignalRequested,
    StepAnswered,
    StepCancelled,
    StepEnded,
)
from headrace_status.fold.changes import (
    FINAL_STATUSES,
    RUNNING,
    Append,
    Change,
    CloseTasks,
    Origin,
    Put,
    continuation_of,
    origin_of,
)
from headrace_status.fold.payload import object_text
from headrace_status.fold.registry import changes
from tests.support.status_events import ID, RUN, T0, succeeded

RUN_OF: dict[str, Any] = {"workflow_id": ID, "run_id": RUN}
NODE: dict[str, Any] = {**RUN_OF, "step": 3, "node": "n3"}


def folded(event: Message) -> list[Change]:
    return changes(event, Origin(WORKFLOW_JOURNAL, 0, 7), T0)


def put_of(event: Message, table: str) -> Put:
    (found,) = [change for change in folded(event) if isinstance(change, Put) and change.table == table]
    return found


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (WorkflowPaused(**RUN_OF, reason="wait", at=T0), {"status": "PAUSED", "reason": "paused: wait"}),
        (WorkflowPaused(**RUN_OF, at=T0), {"status": "PAUSED", "reason": "paused"}),
        (WorkflowResumed(**RUN_OF, at=T0), {"status": "RUNNING", "reason": "", "error": "", "cause": ""}),
        (
            WorkflowMigrated(**RUN_OF, from_version="v1", version="v2", program="python", at=T0),
            {"version": "v2", "program": "python"},
        ),
        (SearchAttributesSet(**RUN_OF, step=1, attributes=b'{"a":1}', at=T0), {"search": '{"a":1}', "run_id": RUN}),
        (
            WorkflowContinued(**RUN_OF, next_run_id=f"{RUN}.2", input=b"[2]", at=T0),
            {"run_id": f"{RUN}.2", "origin": RUN, "continued": 2, "input": "[2]", "input_bytes": 3},
        ),
    ],
    ids=lambda case: type(case).__name__,
)
def test_workflow_rows(event: Message, expected: dict[str, Any]) -> None:
    put = put_of(event, "workflows")
    assert put.key == (ID,)
    assert {name: put.values[name] for name in expected} == expected
    assert put.values["origin"] == RUN


@pytest.mark.parametrize(
    ("event", "attempt", "expected"),
    [
        (AttachRequested(**NODE, target="w-2", to_shard=1, at=T0), 1, {"kind": "attach", "target": "w-2"}),
        (
            SignalRequested(**NODE, target="w-2", to_shard=1, name="go", data=b"1", at=T0),
            1,
            {"kind": "signal", "target": "w-2", "task": "go", "input": "1", "decided": RUNNING},
        ),
        (CallbackOpened(**NODE, due_at=T0 + 9, at=T0), 1, {"kind": "callback", "retry_at": T0 + 9, "decided": RUNNING}),
        (
            CallbackHeartbeat(**RUN_OF, step=3, at=T0),
            1,
            {"reason": "waits for the completion of its token; last sign of life at 2023-11-14T22:13:20+00:00"},
        ),
        (
            StepEnded(**NODE, kind="callback", status="SUCCEEDED", output=b"7", at=T0),
            1,
            {"decided": FINAL_STATUSES["SUCCEEDED"], "output": "7", "kind": "callback", "retry_at": 0},
        ),
        (
            StepEnded(**NODE, kind="attach", status="TERMINATED", output=b"", error="E", cause="c", at=T0),
            1,
            {"decided": FINAL_STATUSES["CANCELLED"], "error": "E", "cause": "c"},
        ),
        (
            StepReused(
                **NODE,
                kind="task",
                task="t",
                status="SUCCEEDED",
                output=b"7",
                from_run="0-1",
                order=0,
                position=0,
                at=T0,
            ),
            0,
            {"decided": FINAL_STATUSES["SUCCEEDED"], "output": "7", "reused_from": "0-1", "task": "t", "kind": "task"},
        ),
    ],
    ids=lambda case: type(case).__name__,
)
def test_task_rows(event: Message, attempt: int, expected: dict[str, Any]) -> None:
    put = put_of(event, "tasks")
    assert put.key == (ID, RUN, 3, attempt)
    assert {name: put.values[name] for name in expected} == expected


def test_a_signal_that_a_retry_takes_over_is_no_step() -> None:
    reused = StepReused(
        **{**NODE, "step": -2}, kind="received", task="go", status="SUCCEEDED", output=b"1", from_run="0-1", order=0,
        position=0, at=T0,
    )  # fmt: skip
    assert [change.table for change in folded(reused) if not isinstance(change, CloseTasks)] == ["history"]


def test_given_up_is_closed() -> None:
    assert CloseTasks(ID, RUN, 3, "why", T0) in folded(StepCancelled(**NODE, kind="attach", reason="why", at=T0))
    continued = WorkflowContinued(**RUN_OF, next_run_id=f"{RUN}.1", input=b"", at=T0)
    (close,) = [change for change in folded(continued) if isinstance(change, CloseTasks)]
    assert (close.workflow_id, close.run_id, close.step) == (ID, RUN, -1)


def test_a_run_that_continues_keeps_input_and_start_of_the_first() -> None:
    assert (
        "input" not in put_of(WorkflowContinued(**RUN_OF, next_run_id=f"{RUN}.1", input=b"", at=T0), "workflows").values
    )
    assert put_of(succeeded(), "workflows").values["started_at"] == T0
    assert put_of(succeeded(run_id=f"{RUN}.1"), "workflows").values["started_at"] is None


def test_published_values_belong_to_all_runs_that_continue_one_another() -> None:
    event = Published(workflow_id=ID, run_id=f"{RUN}.4", step=3, name="progress", data=b'{"done":5}', at=T0)
    put = put_of(event, "published")
    assert put.key == (ID, RUN, "progress")
    assert (put.values["data"], put.values["data_bytes"], put.values["run_id"]) == ('{"done":5}', 10, f"{RUN}.4")


@pytest.mark.parametrize(("error", "existing"), [("headrace.NotFound", False), ("headrace.NotRunning", True)])
def test_refusals_name_the_command_and_make_no_workflow(error: str, existing: bool) -> None:
    refused = CommandRefused(workflow_id=ID, command_id="c", command="SignalWorkflow", error=error, cause="why", at=T0)
    (put,) = [change for change in folded(refused) if isinstance(change, Put)]
    assert put.key == (0, 7, 0)
    assert (put.table, put.values["command"], put.values["existing"]) == ("refusals", "SignalWorkflow", existing)


def test_what_makes_history_and_what_does_not() -> None:
    got = SignalReceived(**RUN_OF, name="go", data=b"1", at=T0)
    (row,) = folded(got)
    assert isinstance(row, Append)
    assert row.row[-2:] == ("SignalReceived", '{"data":1,"name":"go"}')
    assert folded(StepAnswered(to_shard=0, **RUN_OF, step=3, target="w-2", status="SUCCEEDED", output=b"", at=T0)) == []


@pytest.mark.parametrize(("run_id", "origin", "number"), [("0-7", "0-7", 0), ("0-7.12", "0-7", 12), ("", "", 0)])
def test_ids_of_runs_that_continue_one_another(run_id: str, origin: str, number: int) -> None:
    assert (origin_of(run_id), continuation_of(run_id)) == (origin, number)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"a": {"b": [1]}}', '{"a":{"b":[1]}}'),
        (b'{"a\\u0000": "x\\u0000"}', '{"a\ufffd":"x\ufffd"}'),
        (b'{"a": "\\ud800"}', '{"a":"?"}'),
        (b'{"a": 1e999}', '{"a":null}'),
        (b"[1]", "{}"),
        (b"nonsense", "{}"),
    ],
)
def test_objects_that_postgres_takes_apart(data: bytes, expected: str) -> None:
    assert object_text(data) == expected
