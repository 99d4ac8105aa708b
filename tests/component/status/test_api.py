"""The read API over a real Postgres."""

from __future__ import annotations

import threading
from typing import Any

import httpx
import pytest

from headrace.contracts import topics
from headrace.contracts.definitions import Definition, DefinitionLatest
from headrace.contracts.dispatch_events import TaskUnserved
from headrace.contracts.journal import InputPosition
from headrace.contracts.log_lines import LogLine
from headrace.contracts.message import Message
from headrace.contracts.positions import ListenerState
from headrace.contracts.references import LeaseHolder
from headrace.contracts.reports import Gauge, QueueOffer
from headrace.contracts.resource_events import LeaseGranted, LeaseQueued, ResourceDeclared
from headrace.contracts.task_events import NodeEnded
from headrace.contracts.worker_events import WorkerJoined, WorkerMeasured
from headrace.contracts.workflow_events import (
    CommandForwarded,
    CommandRejected,
    StartRefused,
    WorkflowCancelled,
    WorkflowFailed,
    WorkflowTerminated,
    WorkflowTimedOut,
)
from tests.support.status_events import ID, RUN, T0, assigned, done, failed, scheduled, started, succeeded
from tests.support.status_world import StatusWorld

GRAPH = (
    b'{"name":"census","tasks":{"n0":{"task":"list"},"n1":{"task":"measure","needs":["n0"],"foreach":"{% $x '
    b'%}"},"n2":{"task":"report","needs":["n1"]}},"on_exit":{"task":"tidy"}}'
)
FIELDS = {
    "id",
    "name",
    "version",
    "status",
    "reason",
    "input",
    "output",
    "error",
    "cause",
    "started_at",
    "ended_at",
    "attempt",
    "tasks",
}
TASK_FIELDS = {
    "name",
    "index",
    "status",
    "attempt",
    "worker",
    "queue",
    "priority",
    "scheduled_at",
    "started_at",
    "ended_at",
    "input_bytes",
    "output_bytes",
    "error",
    "cause",
    "idempotency_key",
}


def get(api: httpx.Client, path: str, code: int = 200, /, **parameters: Any) -> dict[str, Any]:
    answer = api.get(f"/api/v1{path}", params=parameters)
    assert answer.status_code == code, answer.text
    if code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == code
    return answer.json()  # type: ignore[no-any-return]


def deploy(world: StatusWorld) -> None:
    world.plain(
        topics.DEFINITIONS, Definition(name="census", version="v1", program="graph", source=GRAPH, deployed_at=T0)
    )
    world.plain(topics.DEFINITIONS, DefinitionLatest(name="census", version="v1", deployed_at=T0))


def test_one_workflow(world: StatusWorld, api: httpx.Client) -> None:
    deploy(world)
    world.workflow(started(), scheduled(0), done(0), scheduled(1, index=0), scheduled(2, node="n1", index=1))
    world.task(assigned(1, index=0))
    world.project()
    found = get(api, f"/workflows/{ID}")
    assert found.keys() >= FIELDS | {"refusals", "lag_ms"}
    assert (found["status"], found["input"], found["started_at"]) == (
        "RUNNING",
        {"root": "/usr"},
        "2023-11-14T22:13:20.000Z",
    )
    assert found["tasks"] == {"SUCCEEDED": 1, "RUNNING": 1, "SCHEDULED": 1, "WAITING": 2}
    world.workflow(succeeded())
    world.project()
    found = get(api, f"/workflows/{ID}", wait=5)
    assert (found["status"], found["output"], found["ended_at"]) == ("SUCCEEDED", [1, 2], "2023-11-14T22:13:20.900Z")
    assert found["tasks"] == {"SUCCEEDED": 1, "CANCELLED": 2, "SKIPPED": 2}
    listed = get(api, "/workflows")["items"][0]
    assert listed["tasks"] == found["tasks"]
    assert listed.keys() >= FIELDS


def test_tasks_with_every_attempt(world: StatusWorld, api: httpx.Client) -> None:
    world.workflow(
        started(), scheduled(0), failed(0, cause="boom", retry_at=T0 + 60), scheduled(0, attempt=2), done(0, attempt=2)
    )
    world.project()
    (task,) = get(api, f"/workflows/{ID}/tasks")["items"]
    assert task.keys() >= TASK_FIELDS
    assert (task["attempt"], task["status"], task["index"], task["idempotency_key"]) == (
        2,
        "SUCCEEDED",
        None,
        f"{RUN}/0/2",
    )
    assert (task["input_bytes"], task["output_bytes"], task["output"]) == (7, 11, {"lines": 3})
    every = get(api, f"/workflows/{ID}/tasks", attempts="all")["items"]
    assert [(item["attempt"], item["status"], item["error"]) for item in every] == [
        (1, "FAILED", "ValueError"),
        (2, "SUCCEEDED", None),
    ]
    assert get(api, f"/workflows/{ID}/tasks", attempts="all", status="FAILED")["items"] == every[:1]
    get(api, f"/workflows/{ID}/tasks", 400, attempts="some")


def test_pages_go_on_where_the_last_one_ended(world: StatusWorld, api: httpx.Client) -> None:
    world.workflow(*(started(f"w-{at:02}", f"0-{at}", at=T0 + at // 2) for at in range(11)))
    world.project()
    seen: list[str] = []
    cursor: str | None = ""
    for _ in range(4):
        page = get(api, "/workflows", limit=3, **({"cursor": cursor} if cursor else {}))
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert cursor is None
    assert seen == [f"w-{at:02}" for at in reversed(range(11))]
    get(api, "/workflows", 400, cursor="rubbish")
    first = get(api, "/workflows", limit=1)["next_cursor"]
    get(api, "/workflows/w-01/history", 400, cursor=first)


def test_filters(world: StatusWorld, api: httpx.Client) -> None:
    world.workflow(
        started("a", "0-1"),
        started("b", "0-2", name="bill", input=b'{"n":7,"who":"it\'s"}', at=T0 + 1000),
        succeeded("a", "0-1"),
    )
    world.project()

    def ids(**parameters: Any) -> list[str]:
        return [item["id"] for item in get(api, "/workflows", **parameters)["items"]]

    assert ids(status="RUNNING") == ["b"]
    assert ids(status="running,succeeded") == ["b", "a"]
    assert ids(name="bill") == ["b"]
    assert ids(started_after="2023-11-14T22:13:21Z") == ["b"]
    assert ids(started_before="2023-11-14T22:13:21+00:00") == ["a"]
    assert ids(where="name = 'bill' and status in ('RUNNING')") == ["b"]
    assert ids(where="input.n >= 7") == ["b"]
    assert ids(where="input.who = 'it''s'") == ["b"]
    assert ids(where="not (input.n = 7)") == []  # unknown is not false
    assert ids(where="ended_at is not null or id like 'z%'") == ["a"]
    assert ids(where="error != 'x'") == ["b", "a"]


@pytest.mark.parametrize(
    "parameters",
    [
        {"status": "SLEEPING"},
        {"limit": 0},
        {"limit": "many"},
        {"started_after": "yesterday"},
        {"where": "name = "},
        {"where": "nme = 'x'"},
        {"where": "name = 'x'; drop table workflows"},
        {"where": "attempt = 'x'"},
        {"where": "id = 'x' or 1=1"},
        {"where": "(" * 100 + "id = 'x'" + ")" * 100},
        {"where": "not " * 500 + "id = 'x'"},
        {"statsu": "RUNNING"},
        {"after": "nowhere"},
    ],
)
def test_bad_parameters_are_refused_with_a_reason(api: httpx.Client, parameters: dict[str, Any]) -> None:
    assert "Expected" in get(api, "/workflows", 400, **parameters)["detail"]


def test_what_does_not_exist(api: httpx.Client) -> None:
    assert "there is none" in get(api, "/workflows/nobody", 404)["detail"]
    for part in ("tasks", "history", "logs", "graph"):
        get(api, f"/workflows/nobody/{part}", 404)
    get(api, "/nothing", 404)


def test_only_get_and_head(world: StatusWorld, api: httpx.Client) -> None:
    world.workflow(started())
    world.project()
    for verb in ("POST", "PUT", "PATCH", "DELETE"):
        assert api.request(verb, f"/api/v1/workflows/{ID}").status_code == 405
    head = api.head(f"/api/v1/workflows/{ID}")
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) > 100


def test_history_and_logs(world: StatusWorld, api: httpx.Client) -> None:
    world.workflow(started(), scheduled(0))
    world.task(assigned(0))
    world.workflow(done(0, output=b'"' + b"x" * 10_000 + b'"'), succeeded())
    for at in range(3):
        world.plain(
            topics.LOGS,
            LogLine(
                at=T0 + at, level="info", service="worker", source="worker-1", workflow_id=ID, message=f"line {at}\t\\n"
            ),
        )
    world.project()
    events = get(api, f"/workflows/{ID}/history")["items"]
    assert [event["type"] for event in events] == [
        "WorkflowStarted",
        "TaskScheduled",
        "TaskAssigned",
        "TaskSucceeded",
        "WorkflowSucceeded",
    ]
    assert events[0]["detail"]["input"] == {"root": "/usr"}
    assert events[3]["detail"]["output"]["$truncated"] is True
    whole = get(api, f"/workflows/{ID}/history", payloads="whole")["items"]
    assert whole[3]["detail"]["output"] == "x" * 10_000
    assert whole[:3] == events[:3]
    get(api, f"/workflows/{ID}/history", 400, payloads="none")
    lines = get(api, f"/workflows/{ID}/logs", limit=2)
    assert [line["message"] for line in lines["items"]] == ["line 0\t\\n", "line 1\t\\n"]
    assert len(get(api, f"/workflows/{ID}/logs", cursor=lines["next_cursor"])["items"]) == 1


def test_graph(world: StatusWorld, api: httpx.Client) -> None:
    deploy(world)
    world.workflow(started(), scheduled(0), done(0), scheduled(1, index=0), scheduled(2, node="n1", index=1), done(1))
    world.project()
    found = get(api, f"/workflows/{ID}/graph")
    nodes = {node["name"]: node for node in found["nodes"]}
    assert {name: node["status"] for name, node in nodes.items()} == {
        "n0": "SUCCEEDED",
        "n1": "SCHEDULED",
        "n2": "WAITING",
        "on_exit": "WAITING",
    }
    assert nodes["n1"]["counts"] == {"SUCCEEDED": 1, "SCHEDULED": 1}
    assert {"from": "n0", "to": "n1"} in found["edges"]
    world.workflow(
        done(2, node="n1"), NodeEnded(workflow_id=ID, run_id=RUN, step=3, node="n1", status="SUCCEEDED", at=T0)
    )
    world.project()
    nodes = {node["name"]: node for node in get(api, f"/workflows/{ID}/graph")["nodes"]}
    assert nodes["n1"]["status"] == "SUCCEEDED"


@pytest.mark.parametrize("ends", [WorkflowFailed, WorkflowCancelled, WorkflowTerminated, WorkflowTimedOut])
def test_what_never_began_counts_as_the_graph_shows_it(
    world: StatusWorld, api: httpx.Client, ends: type[Message]
) -> None:
    fields: dict[type[Message], dict[str, Any]] = {
        WorkflowFailed: {"error": "E", "cause": "c"},
        WorkflowTimedOut: {"timeout_ms": 5},
    }
    deploy(world)
    old = NodeEnded(workflow_id=ID, run_id="0-old", step=3, node="n1", status="SUCCEEDED", at=T0)
    world.workflow(started(run_id="0-old"), old, succeeded(run_id="0-old"))
    world.workflow(started(), scheduled(0), done(0))
    world.project()
    assert get(api, f"/workflows/{ID}")["tasks"] == {"SUCCEEDED": 1, "WAITING": 3}
    world.workflow(ends(workflow_id=ID, run_id=RUN, at=T0 + 9, **fields.get(ends, {})))
    world.project()
    nodes = get(api, f"/workflows/{ID}/graph")["nodes"]
    assert [node["status"] for node in nodes] == ["SUCCEEDED", "CANCELLED", "CANCELLED", "CANCELLED"]
    assert get(api, f"/workflows/{ID}")["tasks"] == {"SUCCEEDED": 1, "CANCELLED": 3}
    assert get(api, "/workflows")["items"][0]["tasks"] == {"SUCCEEDED": 1, "CANCELLED": 3}


def test_a_python_workflow_is_a_sequence_of_steps(world: StatusWorld, api: httpx.Client) -> None:
    world.workflow(
        started(program="python"), scheduled(0), done(0), scheduled(1, index=0), scheduled(2, node="n1", index=1)
    )
    world.project()
    found = get(api, f"/workflows/{ID}/graph")
    assert (found["layout"], found["edges"]) == ("sequence", [{"from": "n0", "to": "n1"}])


def test_after_waits_for_the_command(world: StatusWorld, api: httpx.Client) -> None:
    world.project()
    late = get(api, "/workflows", 504, after="0:4", timeout=0.05)
    assert "lag_ms" in late
    stop = threading.Event()
    projector = threading.Thread(target=world.projector().run, args=(stop,))
    projector.start()
    position = InputPosition(topic=topics.WORKFLOW_COMMANDS, partition=0, offset=4)
    threading.Timer(0.1, lambda: world.journal(topics.WORKFLOW_JOURNAL, [started()], positions=[position])).start()
    assert [item["id"] for item in get(api, "/workflows", after="0:4", timeout=30)["items"]] == [ID]
    threading.Timer(0.1, lambda: world.workflow(succeeded())).start()
    assert get(api, f"/workflows/{ID}", wait=30)["status"] == "SUCCEEDED"
    stop.set()
    projector.join()


def test_after_waits_for_the_shard_that_a_command_was_forwarded_to(world: StatusWorld, api: httpx.Client) -> None:
    read = InputPosition(topic=topics.WORKFLOW_COMMANDS, partition=0, offset=4)
    forward = CommandForwarded(to_shard=0, command=b"", workflow_id=ID)
    offset = world.journal(topics.WORKFLOW_JOURNAL, [forward], positions=[read])
    world.project()
    get(api, "/workflows", 504, after="0:4", timeout=0)
    taken = InputPosition(topic=topics.WORKFLOW_JOURNAL, partition=0, offset=offset, epoch=0, n=1)
    world.journal(topics.WORKFLOW_JOURNAL, [started()], positions=[taken])
    world.project()
    get(api, "/workflows", after="0:4", timeout=0)
    assert world.rows("SELECT * FROM forwards") == []


def test_a_refusal_shows(world: StatusWorld, api: httpx.Client) -> None:
    world.workflow(started())
    world.workflow(
        StartRefused(
            workflow_id=ID,
            command_id="c2",
            name="census",
            error="headrace.AlreadyExists",
            cause="used",
            at=T0,
            existing=True,
        )
    )
    world.project()
    found = get(api, f"/workflows/{ID}")
    assert (found["status"], [refusal["error"] for refusal in found["refusals"]]) == (
        "RUNNING",
        ["headrace.AlreadyExists"],
    )


def test_a_refused_workflow_keeps_its_name(world: StatusWorld, api: httpx.Client) -> None:
    world.workflow(StartRefused(workflow_id=ID, command_id="c", name="census", error="E", cause="c", at=T0))
    world.project()
    unread = CommandRejected(
        topic="t", partition=0, offset=1, key=b"", value=b"", error="E2", reason="r", workflow_id=ID, at=T0
    )
    world.workflow(unread)
    world.project()
    found = get(api, f"/workflows/{ID}")
    assert (found["name"], found["status"], found["error"]) == ("census", "FAILED", "E2")


def test_the_system(world: StatusWorld, api: httpx.Client) -> None:
    deploy(world)
    offers = [QueueOffer(queue="q", slots=4, tasks=["measure"]), QueueOffer(queue="other", slots=2, tasks=["measure"])]
    world.task(
        WorkerJoined(worker="worker-1", session="s", offers=offers, labels={"gpu": "no"}, host="h", pid=7, at=T0),
        WorkerMeasured(worker="worker-1", session="s", gauges=[Gauge(name="load_1m", value=0.5)], at=T0),
    )
    world.workflow(started(), scheduled(0), scheduled(1))
    world.task(
        assigned(0), TaskUnserved(workflow_id=ID, run_id=RUN, step=1, attempt=1, queue="q", reason="nobody", at=T0)
    )
    holder = LeaseHolder(workflow_id=ID, run_id=RUN, step=0, attempt=1, node="n0")
    waits = LeaseHolder(workflow_id=ID, run_id=RUN, step=1, attempt=1, node="n1")
    world.resource(
        ResourceDeclared(resource="parser", capacity=8, at=T0),
        LeaseGranted(resource="parser", units=2, fencing_token=5, holder=holder, to_shard=0, at=T0),
        LeaseQueued(resource="parser", units=7, holder=waits, at=T0),
    )
    state = ListenerState(
        name="tell",
        kind="listener",
        source="TaskFailed",
        process="l",
        positions={"task.events/0": 4},
        lag=0,
        handled=3,
        failures=1,
        dead_letters=0,
        at=T0,
    )
    world.plain(topics.LISTENER_STATES, state)
    world.project()
    _, queue = get(api, "/queues")["items"]
    assert (queue["name"], queue["waiting"], queue["running"], queue["unserved"], queue["slots"]) == ("q", 0, 1, 1, 4)
    assert queue["oldest_wait_ms"] > 0
    (worker,) = get(api, "/workers")["items"]
    assert (worker["name"], worker["status"], worker["slots"], worker["running"], worker["labels"]) == (
        "worker-1",
        "ACTIVE",
        6,
        1,
        {"gpu": "no"},
    )
    assert [event["type"] for event in worker["events"]] == ["WorkerJoined"]
    assert worker["gauges"] == {"load_1m": 0.5}
    assert worker["measured_at"].startswith("20")
    (resource,) = get(api, "/resources")["items"]
    assert (resource["capacity"], resource["in_use"], resource["waiting"]) == (8, 2, 1)
    assert resource["holders"][0]["workflow_id"] == ID
    (definition,) = get(api, "/definitions")["items"]
    assert (definition["name"], definition["latest"], definition["program"]) == ("census", True, "graph")
    (listener,) = get(api, "/listeners")["items"]
    assert (listener["name"], listener["positions"]) == ("tell", {"task.events/0": 4})


def test_lag_health_and_figures(world: StatusWorld, api: httpx.Client) -> None:
    assert api.get("/healthz").status_code == 200
    assert api.get("/readyz").status_code == 503
    world.workflow(started())
    stop = threading.Event()
    projector = threading.Thread(target=world.projector().run, args=(stop,))
    projector.start()
    assert world.board.caught_up_once.wait(30)
    assert api.get("/readyz").status_code == 200
    items = {(item["topic"], item["partition"]): item for item in get(api, "/lag")["items"]}
    assert items["workflow.journal", 0] == {
        "topic": "workflow.journal",
        "partition": 0,
        "offset": 1,
        "end": 2,
        "records": 0,
    }
    assert "headrace_status_rows_total" in api.get("/metrics").text
    stop.set()
    projector.join()


def test_openapi_names_every_path(api: httpx.Client) -> None:
    paths = api.get("/openapi.json").json()["paths"]
    wanted: tuple[str, ...] = (
        "workflows",
        "workflows/{id}",
        "workflows/{id}/history",
        "workflows/{id}/tasks",
        "workflows/{id}/graph",
        "workflows/{id}/logs",
    )
    wanted += ("definitions", "queues", "workers", "resources", "listeners", "logs", "stats/io", "stats/io/runs", "lag")
    assert paths.keys() >= {f"/api/v1/{name}" for name in wanted} | {"/healthz", "/readyz", "/metrics"}
    assert all(set(operations) == {"get"} for operations in paths.values())
