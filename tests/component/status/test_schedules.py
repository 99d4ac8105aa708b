"""Schedules, from the journal to the read API."""

from __future__ import annotations

from typing import Any

import httpx

from headrace.contracts import topics
from headrace.contracts.journal import InputPosition
from headrace.contracts.schedule_events import (
    ScheduleBackfillStarted,
    ScheduleDeleted,
    SchedulePaused,
    ScheduleQueued,
    ScheduleResumed,
    ScheduleRunEnded,
    ScheduleSkipped,
)
from headrace.contracts.wait_events import CommandRefused
from headrace.contracts.workflow_events import StartRefused
from tests.support.schedule_events import DAY, NEXT, OF, SCHEDULE, begun, fired, made
from tests.support.servers import Database
from tests.support.status_events import T0, started, succeeded
from tests.support.status_server import serving
from tests.support.status_world import StatusWorld


def get(api: httpx.Client, path: str, code: int = 200, /, **parameters: Any) -> dict[str, Any]:
    answer = api.get(f"/api/v1{path}", params=parameters)
    assert answer.status_code == code, answer.text
    return answer.json()  # type: ignore[no-any-return]


def test_a_schedule_with_its_next_times_and_last_runs(world: StatusWorld, api: httpx.Client) -> None:
    world.workflow(made(), fired(), begun())
    world.project()
    found = get(api, f"/schedules/{SCHEDULE}")
    assert (found["name"], found["cron"], found["timezone"], found["every_ms"]) == ("bill", "0 0 * * *", "UTC", None)
    assert (found["overlap"], found["input"], found["jitter_ms"]) == ("skip", {"month": 11}, 60_000)
    assert found["next_at"] == "2100-01-01T00:00:00.000Z"
    assert found["next_times"] == [f"2100-01-0{day}T00:00:00.000Z" for day in range(1, 6)]
    (run,) = found["last_runs"]
    assert (run["workflow_id"], run["status"], run["cause"]) == ("billing-1", "RUNNING", "time")
    workflow = get(api, "/workflows/billing-1")
    assert (workflow["schedule_id"], workflow["parent_id"], workflow["parent_step"]) == (SCHEDULE, None, None)
    world.workflow(
        succeeded("billing-1", "j-1", at=T0 + DAY + 50),
        ScheduleRunEnded(**OF, workflow_id="billing-1", status="SUCCEEDED", at=T0 + DAY + 51),
    )
    world.project()
    (run,) = get(api, f"/schedules/{SCHEDULE}")["last_runs"]
    assert (run["status"], run["ended_at"]) == ("SUCCEEDED", "2023-11-15T22:13:20.050Z")
    assert [item["id"] for item in get(api, "/workflows", where=f"schedule_id = '{SCHEDULE}'")["items"]] == [
        "billing-1"
    ]


def test_lists_of_schedules_and_of_runs_have_pages_and_filters(world: StatusWorld, api: httpx.Client) -> None:
    world.workflow(*(made(schedule_id=f"s{at}", spec={"name": f"n{at % 2}"}) for at in range(4)), made())
    world.workflow(*(fired(f"billing-{at}", scheduled_at=T0 + at) for at in range(5)))
    world.project()
    first = get(api, "/schedules", limit=3)
    rest = get(api, "/schedules", limit=3, cursor=first["next_cursor"])
    assert [item["id"] for item in first["items"] + rest["items"]] == [SCHEDULE, "s0", "s1", "s2", "s3"]
    assert [item["id"] for item in get(api, "/schedules", name="n1")["items"]] == ["s1", "s3"]
    runs = get(api, f"/schedules/{SCHEDULE}/runs", limit=2)
    assert [item["workflow_id"] for item in runs["items"]] == ["billing-4", "billing-3"]
    assert len(get(api, f"/schedules/{SCHEDULE}/runs", status="STARTED")["items"]) == 5
    assert get(api, "/schedules/unheard-of", 404)["detail"].startswith("Expected a schedule unheard-of")
    assert get(api, "/schedules/unheard-of/runs", 404)["status"] == 404


def test_paused_passed_over_and_backfilled(world: StatusWorld, api: httpx.Client) -> None:
    world.workflow(
        made(),
        SchedulePaused(**OF, reason="holidays", at=T0 + 1),
        ScheduleSkipped(**OF, first_at=T0, until_at=T0 + 3_000, reason="headrace.Missed", next_at=NEXT, at=T0 + 2),
        ScheduleBackfillStarted(
            **OF, from_at=T0, until_at=T0 + DAY, overlap="queue", first_at=T0 + 10, command_id="c", at=T0 + 3
        ),
        CommandRefused(
            workflow_id=SCHEDULE, command_id="c", command="TriggerSchedule", error="headrace.Overlap", cause="x", at=T0
        ),
    )
    world.project()
    found = get(api, f"/schedules/{SCHEDULE}")
    assert (found["paused"], found["reason"], found["next_at"], found["next_times"]) == (True, "holidays", None, [])
    assert (found["skipped_until"], found["skipped_reason"]) == ("2023-11-14T22:13:23.000Z", "headrace.Missed")
    assert found["backfill_until"] == "2023-11-15T22:13:20.000Z"
    assert found["refusals"][0]["error"] == "headrace.Overlap"
    last = fired(cause="backfill", scheduled_at=T0 + 10, backfill_next_at=0)
    world.workflow(ScheduleResumed(**OF, next_at=NEXT, due_at=NEXT, at=T0 + 4), last)
    world.project()
    found = get(api, f"/schedules/{SCHEDULE}")
    assert (found["paused"], found["reason"], found["backfill_until"]) == (False, None, None)


def test_what_waits_and_what_is_given_up(world: StatusWorld, api: httpx.Client) -> None:
    queued = {**OF, "cause": "time", "next_at": NEXT}
    world.workflow(
        made(),
        ScheduleQueued(**queued, workflow_id="billing-1", scheduled_at=T0 + 1, at=T0 + 1),
        ScheduleQueued(**queued, workflow_id="billing-2", scheduled_at=T0 + 2, gives_up=["billing-1"], at=T0 + 2),
    )
    world.project()
    runs = get(api, f"/schedules/{SCHEDULE}")["last_runs"]
    assert [(run["workflow_id"], run["status"], run["error"]) for run in runs] == [
        ("billing-2", "WAITING", None),
        ("billing-1", "GIVEN_UP", "headrace.Superseded"),
    ]
    world.workflow(ScheduleDeleted(**OF, gives_up=["billing-2"], at=T0 + 3))
    world.project()
    get(api, f"/schedules/{SCHEDULE}", 404)
    runs = get(api, f"/schedules/{SCHEDULE}/runs")["items"]
    assert [run["status"] for run in runs] == ["GIVEN_UP", "GIVEN_UP"]


def test_a_start_that_was_refused_because_it_had_run_shows_how_that_went(world: StatusWorld, api: httpx.Client) -> None:
    refusal = {"status": "REFUSED", "error": "headrace.AlreadyExists", "cause": "Expected an unused id"}
    world.workflow(
        made(),
        started("billing-1", "0-1"),
        succeeded("billing-1", "0-1"),
        fired(cause="backfill"),
        ScheduleRunEnded(**OF, workflow_id="billing-1", **refusal, at=T0 + DAY + 1),
        fired("billing-2"),
        StartRefused(workflow_id="billing-2", command_id="", name="bill", error="E", cause="gone", at=T0 + DAY),
        ScheduleRunEnded(**OF, workflow_id="billing-2", status="REFUSED", error="E", cause="gone", at=T0 + DAY + 1),
    )
    world.project()
    runs = {run["workflow_id"]: run for run in get(api, f"/schedules/{SCHEDULE}/runs")["items"]}
    assert (runs["billing-1"]["status"], runs["billing-1"]["error"]) == ("SUCCEEDED", "headrace.AlreadyExists")
    assert (runs["billing-2"]["status"], runs["billing-2"]["error_cause"]) == ("FAILED", "gone")


def test_the_history_of_a_schedule_is_its_own(world: StatusWorld, api: httpx.Client) -> None:
    world.workflow(started(SCHEDULE, "0-1"), made(), fired(), ScheduleDeleted(**OF, at=T0 + DAY + 1))
    world.project()
    events = get(api, f"/schedules/{SCHEDULE}/history")["items"]
    assert [event["type"] for event in events] == ["ScheduleSet", "ScheduleFired", "ScheduleDeleted"]
    assert (events[0]["detail"]["cron"], events[0]["detail"]["overlap"]) == ("0 0 * * *", "skip")
    assert events[1]["detail"]["workflow_id"] == "billing-1"
    assert [event["type"] for event in get(api, f"/workflows/{SCHEDULE}/history")["items"]] == ["WorkflowStarted"]


def test_sql_users_see_the_same(world: StatusWorld) -> None:
    world.workflow(made(), fired(), begun())
    world.project()
    assert world.rows("SELECT id, name, paused FROM schedules") == [{"id": SCHEDULE, "name": "bill", "paused": False}]
    assert world.rows("SELECT schedule_id, status FROM schedule_runs") == [
        {"schedule_id": SCHEDULE, "status": "RUNNING"}
    ]


def test_an_answer_after_a_start_by_hand_has_what_was_started_on_another_shard(postgres: Database) -> None:
    world = StatusWorld(postgres.owner, postgres.reader, decision_shards=2)
    world.reign(topics.WORKFLOW_JOURNAL, 1)
    command = InputPosition(topic=topics.WORKFLOW_COMMANDS, partition=0, offset=7, epoch=-1, n=-1)
    by_hand = fired(cause="trigger", command_id="c", to_shard=1)
    offset = world.journal(topics.WORKFLOW_JOURNAL, [made(), by_hand], positions=[command])
    with serving(world) as address, httpx.Client(base_url=address, timeout=60, trust_env=False) as api:
        world.project()
        get(api, "/workflows/billing-1", 504, after="0:7", timeout=0)
        heard = InputPosition(topic=topics.WORKFLOW_JOURNAL, partition=0, offset=offset, epoch=0, n=1)
        world.journal(topics.WORKFLOW_JOURNAL, [begun()], partition=1, positions=[heard])
        world.project()
        assert get(api, "/workflows/billing-1", after="0:7", timeout=0)["status"] == "RUNNING"
