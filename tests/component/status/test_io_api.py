"""What tasks read and wrote, over the read API and in SQL: sums, and the trend over runs."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from headrace.contracts.io_accounts import DatasetIo, TaskIo
from tests.component.status.test_log_api import get
from tests.support.status_events import T0, done, failed, scheduled, started, succeeded
from tests.support.status_world import StatusWorld


def io(version: str = "v1", **rows: int) -> TaskIo:
    """Return an account of rows by dataset, ten bytes each."""
    datasets = [DatasetIo(dataset=name, rows=count, bytes=count * 10) for name, count in rows.items()]
    return TaskIo(workflow="census", version=version, input_bytes=10, output_bytes=5, datasets=datasets)


def run(world: StatusWorld, number: int, rows: int, version: str = "v1") -> None:
    """Write a run of two items of one node, the second of which fails once and says so."""
    who = {"workflow_id": f"w-{number}", "run_id": f"r-{number}"}
    at = T0 + number * 1000
    half = io(version, a=rows // 2, b=1)
    world.workflow(
        started(**who, name="census", version=version, at=at),
        scheduled(0, **who, node="m", index=0),
        scheduled(1, **who, node="m", index=1),
        done(0, **who, node="m", index=0, io=half, ended_at=at + 1),
        failed(1, **who, node="m", index=1, io=io(version, a=1), retry_at=at + 3, ended_at=at + 2),
        scheduled(1, **who, node="m", index=1, attempt=2),
        done(1, **who, node="m", index=1, attempt=2, io=half, ended_at=at + 4),
        succeeded(**who),
    )


@pytest.fixture
def runs(world: StatusWorld) -> StatusWorld:
    for number, rows in enumerate((10, 20, 60)):
        run(world, number, rows)
    run(world, 3, 100, "v2")
    world.project()
    return world


@pytest.mark.usefixtures("runs")
def test_the_trend_over_runs(api: httpx.Client) -> None:
    (stats,) = get(api, "/stats/io", name="census", task="measure", dataset="a", version="v1")["items"]
    assert (stats["kind"], stats["node"], stats["runs"], stats["attempts"], stats["workflows"]) == (
        "dataset",
        "m",
        3,
        9,
        3,
    )
    figures = {figure: stats[f"rows_{figure}"] for figure in ("mean", "min", "max", "last")}
    assert figures == {"mean": 31, "min": 11, "max": 61, "last": 61}
    assert (stats["rows"], stats["bytes"], stats["bytes_max"]) == (93, 930, 610)
    assert {item["version"] for item in get(api, "/stats/io", dataset="a")["items"]} == {"v1", "v2"}
    series = get(api, "/stats/io/runs", dataset="a")["items"]
    assert [(item["workflow_id"], item["rows"], item["attempts"]) for item in series] == [
        ("w-3", 101, 3),
        ("w-2", 61, 3),
        ("w-1", 21, 3),
        ("w-0", 11, 3),
    ]
    page = get(api, "/stats/io/runs", dataset="a", limit=3)
    assert len(get(api, "/stats/io/runs", dataset="a", cursor=page["next_cursor"])["items"]) == 1


@pytest.mark.usefixtures("runs")
def test_payload_sizes_of_every_task_by_version_and_run(api: httpx.Client) -> None:
    first, second = get(api, "/stats/io", kind="payload")["items"]
    assert (first["name"], first["version"], first["runs"], first["attempts"]) == ("census", "v1", 3, 9)
    assert first["output_bytes"] == 6 * len(b'{"lines":3}')
    assert first["output_bytes_mean"] == 2 * len(b'{"lines":3}')
    assert first["input_bytes"] > 0
    assert (second["version"], second["runs"], second["rows"]) == ("v2", 1, None)
    assert len(get(api, "/stats/io/runs", kind="payload", name="census")["items"]) == 4


def test_a_run_that_was_followed_by_another_under_its_id_keeps_its_name(world: StatusWorld, api: httpx.Client) -> None:
    for run_id, version in (("r-1", "v1"), ("r-2", "v2")):
        world.workflow(
            started("w", run_id=run_id, name="census", version=version),
            scheduled(0, "w", run_id=run_id),
            done(0, "w", run_id=run_id),
            succeeded("w", run_id=run_id),
        )
    world.project()
    found = get(api, "/stats/io/runs", name="census")["items"]
    assert {(item["run_id"], item["version"]) for item in found} == {("r-1", "v1"), ("r-2", "v2")}


@pytest.mark.usefixtures("runs")
def test_sql_and_paging(world: StatusWorld, api: httpx.Client) -> None:
    rows = world.rows("SELECT name, rows_max FROM io_stats WHERE dataset = 'b' AND version = 'v1'")
    assert rows == [{"name": "census", "rows_max": 2}]
    everything, page = len(get(api, "/stats/io")["items"]), get(api, "/stats/io", limit=2)
    seen = page["items"]
    while page["next_cursor"]:
        page = get(api, "/stats/io", limit=2, cursor=page["next_cursor"])
        seen += page["items"]
    assert len(seen) == everything == 6


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ({"kind": "other"}, "Expected kind to be dataset or payload"),
        ({"datset": "a"}, "Expected parameters among"),
        ({"started_after": "now"}, "Expected an ISO 8601 time"),
    ],
)
@pytest.mark.parametrize("path", ["/stats/io", "/stats/io/runs"])
def test_bad_parameters(api: httpx.Client, path: str, query: dict[str, Any], detail: str) -> None:
    assert get(api, path, 400, **query)["detail"].startswith(detail)
