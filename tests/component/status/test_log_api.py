"""Lines of log over the read API: merged by time, filtered, paged; and bad parameters."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from headrace.contracts import topics
from headrace.contracts.log_lines import LogLine
from tests.support.status_events import ID, RUN, T0, scheduled, started
from tests.support.status_world import StatusWorld


def get(api: httpx.Client, path: str, status: int = 200, /, **query: Any) -> Any:
    answer = api.get(f"/api/v1{path}", params=query)
    assert answer.status_code == status, answer.text
    if status != 200:
        assert answer.headers["content-type"] == "application/problem+json"
    return answer.json()


def task_line(at: int, message: str, **fields: Any) -> LogLine:
    values: dict[str, Any] = {
        "level": "output",
        "service": "worker",
        "source": "worker-1",
        "workflow_id": ID,
        "run_id": RUN,
        "step": 0,
        "attempt": 1,
        "task": "measure",
        "node": "m",
        "index": 3,
        **fields,
    }
    return LogLine(at=at, message=message, **values)


def service_line(at: int, message: str, **fields: Any) -> LogLine:
    return LogLine(at=at, level="warning", service="decision", source="box-1", message=message, logger="x", **fields)


@pytest.fixture
def lines(world: StatusWorld) -> StatusWorld:
    world.workflow(started(), scheduled(0))
    for line in (
        task_line(T0 + 20, "second: 100% done"),
        task_line(T0 + 40, "fourth", source="worker-2", node="r", level="error"),
        service_line(T0 + 10, "first", workflow_id=ID, fields='{"exception":"boom"}'),
        service_line(T0 + 30, "Third", workflow_id=ID),
        service_line(T0 + 50, "about nothing"),
        task_line(T0 + 25, "of another", workflow_id="another"),
    ):
        world.plain(topics.LOGS, line)
    world.project()
    return world


@pytest.mark.usefixtures("lines")
def test_lines_of_all_workers_and_services_merge_by_time(api: httpx.Client) -> None:
    found = get(api, f"/workflows/{ID}/logs")["items"]
    assert [item["message"] for item in found] == ["first", "second: 100% done", "Third", "fourth"]
    assert [item["source"] for item in found] == ["box-1", "worker-1", "box-1", "worker-2"]
    first, second, *_ = found
    assert (first["logger"], first["fields"], first["node"], first["index"]) == ("x", {"exception": "boom"}, None, None)
    assert (second["node"], second["index"], second["attempt"], second["task"]) == ("m", 3, 1, "measure")
    page = get(api, f"/workflows/{ID}/logs", limit=3)
    assert len(page["items"]) == 3
    (last,) = get(api, f"/workflows/{ID}/logs", cursor=page["next_cursor"])["items"]
    assert last["message"] == "fourth"


@pytest.mark.usefixtures("lines")
@pytest.mark.parametrize(
    ("query", "messages"),
    [
        ({}, ["about nothing", "fourth", "Third", "of another", "second: 100% done", "first"]),
        ({"node": "r"}, ["fourth"]),
        ({"text": "THIRD"}, ["Third"]),
        ({"text": "100%"}, ["second: 100% done"]),
        ({"text": "%o%"}, []),
        ({"service": "decision"}, ["about nothing", "Third", "first"]),
        ({"service": "decision", "workflow": ID}, ["Third", "first"]),
        ({"level": "error,output"}, ["fourth", "of another", "second: 100% done"]),
        ({"source": "worker-2"}, ["fourth"]),
        ({"name": "measure", "workflow": ID}, ["fourth", "second: 100% done"]),
        ({"where": "attempt = 1 and node = 'm'"}, ["of another", "second: 100% done"]),
    ],
)
def test_filters_over_everything_latest_first(api: httpx.Client, query: dict[str, Any], messages: list[str]) -> None:
    assert [item["message"] for item in get(api, "/logs", **query)["items"]] == messages


@pytest.mark.usefixtures("lines")
def test_a_span_of_time_and_pages(api: httpx.Client) -> None:
    at = {item["message"]: item["at"] for item in get(api, "/logs")["items"]}
    found = get(api, "/logs", **{"from": at["second: 100% done"], "to": at["fourth"]})["items"]
    assert [item["message"] for item in found] == ["Third", "of another", "second: 100% done"]
    found = get(api, f"/workflows/{ID}/logs", **{"from": at["Third"]})["items"]
    assert [item["message"] for item in found] == ["Third", "fourth"]
    page, seen = get(api, "/logs", limit=2), []
    while True:
        seen += [item["message"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        page = get(api, "/logs", limit=2, cursor=page["next_cursor"])
    assert len(seen) == len(set(seen)) == 6


@pytest.mark.usefixtures("lines")
@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ({"from": "yesterday"}, "from: Expected an ISO 8601 time"),
        ({"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "Expected from to be before to"),
        ({"level": "loud"}, "Expected levels among debug"),
        ({"nod": "m"}, "Expected parameters among"),
        ({"limit": "0"}, "Expected a valid limit"),
        ({"limit": "many"}, "Expected a valid limit"),
        ({"cursor": "nonsense"}, "Expected a next_cursor"),
        ({"status": "RUNNING"}, "Expected no status"),
        ({"text": "a\0b"}, "Expected"),
        ({"where": "nothing = 1"}, "Expected one of the fields"),
    ],
)
@pytest.mark.parametrize("path", ["/logs", f"/workflows/{ID}/logs"])
def test_bad_parameters_are_told_as_problems(api: httpx.Client, path: str, query: dict[str, str], detail: str) -> None:
    problem = get(api, path, 400, **query)
    assert problem["detail"].startswith(detail)
    assert problem["status"] == 400


def test_logs_of_nobody(api: httpx.Client) -> None:
    get(api, "/workflows/nobody/logs", 404)
    assert get(api, "/logs", workflow="nobody")["items"] == []


def test_openapi_describes_the_filters(api: httpx.Client) -> None:
    paths = api.get("/openapi.json").json()["paths"]
    wanted = {"from", "to", "node", "text", "service", "level", "source", "limit", "cursor"}
    for path, more in (("/api/v1/logs", {"workflow"}), ("/api/v1/workflows/{id}/logs", set())):
        operation = paths[path]["get"]
        parameters = {parameter["name"]: parameter for parameter in operation["parameters"]}
        assert parameters.keys() >= wanted | more
        assert all(parameter["description"] for parameter in parameters.values())
        assert {"200", "400"} <= operation["responses"].keys()
