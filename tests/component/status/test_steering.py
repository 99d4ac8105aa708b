"""What steers a workflow, from the journal to the read API: waits, pauses, continuations, attributes, refusals."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from headrace.contracts import topics
from headrace.contracts.control_events import StepReused, WorkflowMigrated, WorkflowPaused, WorkflowResumed
from headrace.contracts.definitions import Definition
from headrace.contracts.journal import InputPosition
from headrace.contracts.record_events import Published, SearchAttributesSet, WorkflowContinued
from headrace.contracts.references import RetriedRun
from headrace.contracts.task_events import NodeEnded
from headrace.contracts.timer_events import TimerCancelled, TimerFired, TimerStarted
from headrace.contracts.wait_events import AttachRequested, CallbackOpened, CommandRefused, StepEnded
from headrace.contracts.workflow_events import StartRefused, WorkflowStuck, WorkflowTimedOut
from tests.support.status_events import ID, RUN, T0, done, scheduled, started, succeeded
from tests.support.status_world import StatusWorld

RUN_OF: dict[str, Any] = {"workflow_id": ID, "run_id": RUN}


def get(api: httpx.Client, path: str, code: int = 200, /, **parameters: Any) -> dict[str, Any]:
    answer = api.get(f"/api/v1{path}", params=parameters)
    assert answer.status_code == code, answer.text
    return answer.json()  # type: ignore[no-any-return]


def test_what_a_workflow_waits_for(world: StatusWorld, api: httpx.Client) -> None:
    world.workflow(started(program="python"))
    world.project()
    (signal,) = get(api, f"/workflows/{ID}")["waiting_for"]
    assert (signal["kind"], signal["step"]) == ("signal", None)
    due = {"due_at": T0 + 60_000, "at": T0}
    world.workflow(
        *(
            TimerStarted(**RUN_OF, step=8 + at, node=node, **due)
            for at, node in enumerate(("receive", "wait_for", "attach"))
        )
    )
    world.project()
    deadlines = get(api, f"/workflows/{ID}")["waiting_for"]
    assert [(each["kind"], each["step"]) for each in deadlines] == [("signal", 8), ("predicate", 9)]
    world.workflow(*(TimerFired(**RUN_OF, step=8 + at, at=T0) for at in range(3)))
    world.workflow(
        scheduled(0),
        TimerStarted(**RUN_OF, step=1, node="sleep", due_at=T0 + 60_000, at=T0),
        AttachRequested(**RUN_OF, step=2, node="w-2", target="w-2", to_shard=0, at=T0),
        CallbackOpened(**RUN_OF, step=3, node="callback", due_at=T0 + 1000, at=T0),
    )
    world.project()
    waits = get(api, f"/workflows/{ID}")["waiting_for"]
    assert [(each["kind"], each["name"], each["target"]) for each in waits] == [
        ("task", "n0", None),
        ("timer", "sleep", None),
        ("attach", "w-2", "w-2"),
        ("callback", "callback", None),
    ]
    assert [each["due_at"] for each in waits][1::2] == ["2023-11-14T22:14:20.000Z", "2023-11-14T22:13:21.000Z"]
    world.workflow(
        StepEnded(**RUN_OF, step=3, node="callback", kind="callback", status="SUCCEEDED", output=b"[1]", at=T0 + 5)
    )
    world.project()
    assert len(get(api, f"/workflows/{ID}")["waiting_for"]) == 3
    tasks = {task["step"]: task for task in get(api, f"/workflows/{ID}/tasks")["items"]}
    assert (tasks[3]["kind"], tasks[3]["status"], tasks[3]["output"]) == ("callback", "SUCCEEDED", [1])
    world.workflow(succeeded())
    world.project()
    assert get(api, f"/workflows/{ID}")["waiting_for"] == []


def test_the_signals_that_a_graph_waits_for(world: StatusWorld, api: httpx.Client) -> None:
    source = b'{"tasks":{"n0":{"task":"measure"},"paid":{"wait_for":"paid","needs":["n0"]},"late":{"wait_for":"go"}}}'
    world.plain(
        topics.DEFINITIONS, Definition(name="census", version="v1", program="graph", source=source, deployed_at=T0)
    )
    world.workflow(started(), scheduled(0), TimerStarted(**RUN_OF, step=1, node="late", due_at=T0 + 60_000, at=T0))
    world.project()

    def waits() -> list[tuple[str, str, str]]:
        return [(each["kind"], each["name"], each["reason"]) for each in get(api, f"/workflows/{ID}")["waiting_for"]]

    assert waits() == [("task", "n0", None), ("signal", "late", "waits for signal go")]
    world.workflow(done(0))
    world.project()
    assert waits() == [("signal", "paid", "waits for signal paid"), ("signal", "late", "waits for signal go")]
    world.workflow(
        NodeEnded(**RUN_OF, step=1, node="late", status="SUCCEEDED", at=T0 + 9),
        TimerCancelled(**RUN_OF, step=1, at=T0 + 9),
    )
    world.project()
    assert waits() == [("signal", "paid", "waits for signal paid")]
    nodes = {node["name"]: node["status"] for node in get(api, f"/workflows/{ID}/graph")["nodes"]}
    assert nodes == {"n0": "SUCCEEDED", "paid": "WAITING", "late": "SUCCEEDED"}


def test_paused_resumed_and_moved_to_another_version(world: StatusWorld, api: httpx.Client) -> None:
    world.workflow(started(), WorkflowPaused(**RUN_OF, reason="lunch", at=T0 + 1))
    world.project()
    found = get(api, f"/workflows/{ID}")
    assert (found["status"], found["reason"]) == ("PAUSED", "paused: lunch")
    assert [item["id"] for item in get(api, "/workflows", status="PAUSED")["items"]] == [ID]
    world.workflow(WorkflowStuck(**RUN_OF, error="headrace.ReplayMismatch", cause="step 3", at=T0 + 2))
    world.project()
    world.workflow(
        WorkflowMigrated(**RUN_OF, from_version="v1", version="v2", program="python", at=T0 + 3),
        WorkflowResumed(**RUN_OF, at=T0 + 3),
    )
    world.project()
    found = get(api, f"/workflows/{ID}")
    assert (found["status"], found["version"], found["program"]) == ("RUNNING", "v2", "python")
    assert found["reason"] is found["error"] is found["cause"] is None


@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "one by one"])
def test_runs_that_continue_one_another_are_one_workflow(
    world: StatusWorld, api: httpx.Client, *, together: bool
) -> None:
    second = f"{RUN}.1"
    progress: dict[str, Any] = {"step": 1, "name": "progress", "at": T0}
    events = (
        started(program="python"),
        SearchAttributesSet(**RUN_OF, step=0, attributes=b'{"customer":"c-7","tier":1}', at=T0),
        Published(**RUN_OF, **progress, data=b'{"done":1}'),
        scheduled(2),
        WorkflowContinued(**RUN_OF, next_run_id=second, input=b'{"round":2}', at=T0 + 10),
        SearchAttributesSet(workflow_id=ID, run_id=second, step=0, attributes=b'{"tier":2}', at=T0 + 11),
        Published(workflow_id=ID, run_id=second, **progress, data=b'{"done":2}'),
        scheduled(2, run_id=second, at=T0 + 12),
        done(2, run_id=second),
    )
    for event in [events] if together else [(event,) for event in events]:
        world.workflow(*event)
        world.project()
    found = get(api, f"/workflows/{ID}")
    assert (found["run_id"], found["first_run_id"], found["continued"], found["attempt"]) == (second, RUN, 1, 1)
    assert (found["status"], found["input"], found["search"]) == (
        "RUNNING",
        {"round": 2},
        {"customer": "c-7", "tier": 2},
    )
    assert {name: value["data"] for name, value in found["published"].items()} == {"progress": {"done": 2}}
    assert found["tasks"] == {"SUCCEEDED": 1}
    (before,) = get(api, f"/workflows/{ID}/tasks", run=RUN)["items"]
    assert (before["status"], before["reason"]) == ("CANCELLED", f"the workflow goes on as run {second}")
    world.workflow(succeeded(run_id=second, started_at=T0 + 10))
    world.project()
    found = get(api, f"/workflows/{ID}")
    assert (found["status"], found["started_at"]) == ("SUCCEEDED", "2023-11-14T22:13:20.000Z")
    types = [event["type"] for event in get(api, f"/workflows/{ID}/history")["items"]]
    assert types.count("SearchAttributesSet") == 2
    assert types[0] == "WorkflowStarted"


def test_what_was_published_is_listed_and_large_data_is_left_to_those_who_ask(
    world: StatusWorld, api: httpx.Client
) -> None:
    large = b'"' + b"x" * 20_000 + b'"'
    world.workflow(started(), *(Published(**RUN_OF, step=at, name=f"p{at}", data=b"%d" % at, at=T0) for at in range(3)))
    world.workflow(Published(**RUN_OF, step=9, name="large", data=large, at=T0 + 1))
    world.workflow(Published(workflow_id=ID, run_id="0-1", step=9, name="of-an-earlier-run", data=b"1", at=T0 - 1))
    world.project()
    mark = {"$truncated": True, "bytes": 20_002}
    assert get(api, f"/workflows/{ID}")["published"]["large"]["data"] == mark
    first = get(api, f"/workflows/{ID}/published", limit=3)
    assert [item["data"] for item in first["items"]] == [mark, 0, 1]
    assert [item["name"] for item in get(api, f"/workflows/{ID}/published", cursor=first["next_cursor"])["items"]] == [
        "p2"
    ]
    (whole,) = get(api, f"/workflows/{ID}/published", name="large")["items"]
    assert len(whole["data"]) == 20_000
    get(api, "/workflows/nobody/published", 404)


def test_every_run_of_a_workflow(world: StatusWorld, api: httpx.Client) -> None:
    second, third = f"{RUN}.1", f"{RUN}.2"
    world.workflow(
        started(),
        WorkflowContinued(**RUN_OF, next_run_id=second, input=b"1", at=T0 + 10),
        WorkflowContinued(workflow_id=ID, run_id=second, next_run_id=third, input=b"", kept_steps=4, at=T0 + 20),
        WorkflowTimedOut(workflow_id=ID, run_id=third, timeout_ms=5, at=T0 + 30),
        started(run_id="0-9", attempt=2, at=T0 + 40, retried=RetriedRun(run_id=third)),
        started("w-2", "0-11"),
    )
    world.project()
    runs = get(api, f"/workflows/{ID}/runs")["items"]
    shown = ("run_id", "attempt", "status", "first_run_id", "kept_steps", "retried_run_id")
    assert [tuple(run[name] for name in shown) for run in runs] == [
        ("0-9", 2, "RUNNING", "0-9", None, third),
        (third, 1, "TIMED_OUT", RUN, 4, None),
        (second, 1, "CONTINUED", RUN, 0, None),
        (RUN, 1, "CONTINUED", RUN, None, None),
    ]
    assert (runs[1]["started_at"], runs[1]["ended_at"]) == ("2023-11-14T22:13:20.020Z", "2023-11-14T22:13:20.030Z")
    first = get(api, f"/workflows/{ID}/runs", limit=3)
    assert [run["run_id"] for run in get(api, f"/workflows/{ID}/runs", cursor=first["next_cursor"])["items"]] == [RUN]
    assert [run["run_id"] for run in get(api, f"/workflows/{ID}/runs", status="TIMED_OUT")["items"]] == [third]
    get(api, "/workflows/nobody/runs", 404)


def test_a_new_run_begins_without_what_the_last_one_showed(world: StatusWorld, api: httpx.Client) -> None:
    world.workflow(
        started(),
        SearchAttributesSet(**RUN_OF, step=0, attributes=b'{"customer":"c-7"}', at=T0),
        Published(**RUN_OF, step=1, name="progress", data=b"1", at=T0),
        succeeded(),
    )
    world.project()
    world.workflow(started(run_id="0-9", attempt=2))
    world.project()
    found = get(api, f"/workflows/{ID}")
    assert (found["search"], found["published"], found["continued"]) == (None, {}, 0)


@pytest.mark.parametrize(
    ("where", "ids"),
    [
        ("search.customer = 'c-1'", ["a"]),
        ("search.tier = 2", ["b", "a"]),
        ("search.tier = 2.0 and search.customer != 'c-1'", ["b"]),
        ("search.tier > 1 and search.tier < 3", ["b", "a"]),
        ("search.vip = true", ["b"]),
        ("search.customer in ('c-1', 'c-3')", ["c", "a"]),
        ("search.customer like 'c-%' and not search.vip = true", ["c", "a"]),
        ("search.vip is null", ["d", "c", "a"]),
        ("search.address.city = 'Ulm'", ["c"]),
        ("search is null", ["d"]),
    ],
)
def test_lists_are_filtered_by_attributes(world: StatusWorld, api: httpx.Client, where: str, ids: list[str]) -> None:
    attributes = {
        "a": b'{"customer":"c-1","tier":2}',
        "b": b'{"customer":"c-2","tier":2,"vip":true}',
        "c": b'{"customer":"c-3","tier":3,"address":{"city":"Ulm"}}',
    }
    world.workflow(*(started(each, f"0-{at}", at=T0 + at) for at, each in enumerate("abcd")))
    world.workflow(
        *(
            SearchAttributesSet(workflow_id=each, run_id=f"0-{at}", step=0, attributes=attributes[each], at=T0)
            for at, each in enumerate("abc")
        )
    )
    world.project()
    assert [item["id"] for item in get(api, "/workflows", where=where)["items"]] == ids


def test_an_equal_attribute_is_found_by_the_index(world: StatusWorld, api: httpx.Client) -> None:
    with world.connect() as owner:
        owner.execute("SET enable_seqscan = off")
        rows = owner.execute(
            'EXPLAIN SELECT id FROM headrace.workflows WHERE "search" @> \'{"customer":"c-1"}\'::jsonb'
        ).fetchall()
    assert "workflows_search" in "\n".join(row[0] for row in rows)


def test_what_became_of_a_command(world: StatusWorld, api: httpx.Client) -> None:
    refused = CommandRefused(
        workflow_id=ID, command_id="c/1", command="SignalWorkflow", error="headrace.NotRunning", cause="it ended", at=T0
    )
    start = StartRefused(workflow_id="w-9", command_id="c-2", name="n", error="E", cause="c", at=T0)
    events = [started(), succeeded(), refused, start]
    positions = [InputPosition(topic=topics.WORKFLOW_COMMANDS, partition=0, offset=4)]
    world.journal(topics.WORKFLOW_JOURNAL, events, positions=positions)
    world.project()
    found = get(api, "/commands/c/1", after="0:4")
    assert {name: found[name] for name in ("id", "status", "command", "workflow_id", "error", "cause")} == {
        "id": "c/1",
        "status": "REFUSED",
        "command": "SignalWorkflow",
        "workflow_id": ID,
        "error": "headrace.NotRunning",
        "cause": "it ended",
    }
    assert get(api, "/commands/c-2")["command"] == "StartWorkflow"
    assert get(api, "/commands/c-3", after="0:4")["status"] == "ACCEPTED"
    assert "no refusal of c-3 is known" in get(api, "/commands/c-3", 404)["detail"]
    get(api, "/commands/c-3", 504, after="0:5", timeout=0.01)
    (refusal,) = get(api, f"/workflows/{ID}")["refusals"]
    assert (refusal["command"], refusal["existing"]) == ("SignalWorkflow", True)
    get(api, "/workflows/nobody", 404)


def test_a_result_that_a_retry_took_over(world: StatusWorld, api: httpx.Client) -> None:
    world.workflow(
        started(run_id="0-9", attempt=2),
        StepReused(
            workflow_id=ID,
            run_id="0-9",
            step=0,
            node="n0",
            kind="task",
            task="measure",
            status="SUCCEEDED",
            output=b"[7]",
            from_run=RUN,
            order=0,
            position=0,
            at=T0,
        ),
    )
    world.project()
    (task,) = get(api, f"/workflows/{ID}/tasks")["items"]
    assert (task["status"], task["output"], task["reused_from"], task["attempt"]) == ("SUCCEEDED", [7], RUN, 0)
    assert get(api, f"/workflows/{ID}")["tasks"]["SUCCEEDED"] == 1
