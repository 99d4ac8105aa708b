"""Schedules through all services, as a user sets and sees them."""

from __future__ import annotations

import json
import time
import uuid
from datetime import datetime
from typing import Any

import pytest

from headrace.client.errors import CommandRefused, InvalidStart, NoSuchWorkflow
from tests.stack.stack import Stack, wait_until

pytestmark = pytest.mark.timeout(300)


def new_id() -> str:
    return f"schedule-{uuid.uuid4().hex[:8]}"


def succeeded(stack: Stack, schedule_id: str, count: int) -> list[dict[str, Any]]:
    """Return a schedule's runs once so many have succeeded, the latest first."""

    def probe() -> list[dict[str, Any]] | None:
        runs = [run for run in stack.client.schedule_runs(schedule_id) if run["status"] == "SUCCEEDED"]
        return runs if len(runs) >= count else None

    return wait_until(f"{count} runs of {schedule_id}", probe)


def seconds(runs: list[dict[str, Any]]) -> list[float]:
    return sorted(datetime.fromisoformat(run["scheduled_at"]).timestamp() for run in runs)


def test_a_schedule_starts_each_of_its_times_once(stack: Stack) -> None:
    client, schedule_id = stack.client, new_id()
    position = client.set_schedule(
        schedule_id, "adder", every="1s", overlap="queue", input={"values": [3, 4]}, wait=True
    )
    found = client.schedule(schedule_id, after=position)
    assert (found["name"], found["every_ms"], len(found["next_times"])) == ("adder", 1_000, 5)
    runs = succeeded(stack, schedule_id, 3)
    times = seconds(runs)
    assert times == [times[0] + at for at in range(len(times))]
    workflow = client.get(runs[-1]["workflow_id"])
    assert (workflow["output"], workflow["schedule_id"], workflow["attempt"]) == (7, schedule_id, 1)
    client.pause_schedule(schedule_id, "enough", wait=True)
    assert client.schedule(schedule_id)["next_times"] == []
    position = client.trigger_schedule(schedule_id, overlap="allow", wait=True)
    (by_hand,) = [run for run in client.schedule_runs(schedule_id, after=position) if run["cause"] == "trigger"]
    assert by_hand["workflow_id"].startswith(f"{schedule_id}-2")
    # As fresh as the command: what it started is there, whichever shard it lives on.
    assert client.get(by_hand["workflow_id"], after=position)["status"] in ("RUNNING", "SUCCEEDED")
    succeeded(stack, schedule_id, len(client.schedule_runs(schedule_id)))
    client.delete_schedule(schedule_id, wait=True)
    with pytest.raises(NoSuchWorkflow):
        client.schedule(schedule_id)
    events = [event["type"] for event in stack.get(f"/schedules/{schedule_id}/history")["items"]]
    assert (events[0], events[-1]) == ("ScheduleSet", "ScheduleDeleted")


def test_what_a_schedule_starts_has_a_trace_from_there_through_every_service(stack: Stack) -> None:
    client, schedule_id = stack.client, new_id()
    client.set_schedule(schedule_id, "adder", every="1h", input={"values": [1]}, wait=True)
    client.trigger_schedule(schedule_id, wait=True)
    succeeded(stack, schedule_id, 1)
    client.delete_schedule(schedule_id, wait=True)
    file = stack.state.parent / "trace.jsonl"

    def services() -> bool:
        spans = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        begun = {span["trace_id"] for span in spans if span["attributes"].get("headrace.schedule_id") == schedule_id}
        found = {span["service"] for span in spans if span["trace_id"] in begun}
        return {"decision", "dispatcher", "worker", "listener", "status"} <= found

    wait_until("spans of every service in one trace", services)


def test_the_past_can_be_made_up_for(stack: Stack) -> None:
    client, schedule_id = stack.client, new_id()
    client.set_schedule(
        schedule_id, "adder", cron="0 0 1 * *", timezone="Europe/Berlin", input={"values": []}, wait=True
    )
    client.backfill_schedule(schedule_id, "2026-01-15", "2026-05-15", wait=True)
    runs = succeeded(stack, schedule_id, 4)
    assert [run["scheduled_at"] for run in reversed(runs)] == [
        "2026-01-31T23:00:00.000Z",
        "2026-02-28T23:00:00.000Z",
        "2026-03-31T22:00:00.000Z",
        "2026-04-30T22:00:00.000Z",
    ]
    client.delete_schedule(schedule_id, wait=True)


def test_what_cannot_be_is_refused_at_the_earliest_point(stack: Stack) -> None:
    client, schedule_id = stack.client, new_id()
    with pytest.raises(InvalidStart, match="fits none in the next fifty years"):
        client.set_schedule(schedule_id, "adder", cron="0 0 30 2 *")
    with pytest.raises(CommandRefused, match=r"headrace\.UnknownDefinition"):
        client.set_schedule(schedule_id, "never_deployed", every="1h", wait=True)
    with pytest.raises(CommandRefused, match=r"headrace\.NotFound"):
        client.pause_schedule(schedule_id, wait=True)


def test_schedules_go_on_where_a_decision_service_died(stack: Stack) -> None:
    client, schedule_id = stack.client, new_id()
    client.set_schedule(schedule_id, "adder", every="1s", overlap="allow", input={"values": [1]}, wait=True)
    succeeded(stack, schedule_id, 1)
    stack.kill("decision")
    began = time.time()
    wait_until(
        "runs from after the crash",
        lambda: any(second > began + 2 for second in seconds(succeeded(stack, schedule_id, 1))),
    )
    client.delete_schedule(schedule_id, wait=True)
    started = [run for run in client.schedule_runs(schedule_id, limit=500) if run["cause"] == "time"]
    times = seconds(started)
    # None was lost while nobody was there, and none came twice.
    assert times == [times[0] + at for at in range(len(times))]
