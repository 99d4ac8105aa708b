"""Queues in the read API: what waits, what is held back, limits, fullness, canaries, fairness."""

from __future__ import annotations

from typing import Any

import httpx

from headrace.contracts.dispatch_events import BacklogCleared, CanaryCleared, QueueLimited
from tests.support.queue_events import fill
from tests.support.status_events import ID, RUN, T0, scheduled
from tests.support.status_world import StatusWorld


def queue(api: httpx.Client) -> dict[str, Any]:
    answer = api.get("/api/v1/queues")
    assert answer.status_code == 200, answer.text
    (found,) = answer.json()["items"]
    return found


def test_a_queue_tells_what_waits_its_limits_and_its_canaries(world: StatusWorld, api: httpx.Client) -> None:
    fill(world)
    found = queue(api)
    assert (found["name"], found["waiting"], found["running"], found["held"]) == ("mail", 3, 1, 2)
    assert (found["backlog"], found["when_full"], found["at_once"]) == (3, "wait", 9)
    assert (found["per_period"], found["period_ms"]) == (100, 60_000)
    assert found["full_since"].startswith("20")
    assert found["fairness"] == [{"key": "ant", "waiting": 2}, {"key": "bee", "waiting": 1}]
    (canary,) = found["canaries"]
    assert canary.pop("since").startswith("20")
    assert canary == {"task": "send", "version": "2.0", "share": 0.125, "issued_by": "ann"}


def test_a_task_that_is_held_back_is_waiting_with_the_reason(world: StatusWorld, api: httpx.Client) -> None:
    fill(world)
    asked = "SELECT status, reason FROM tasks WHERE step = 4"
    reason = "queue mail is full: 3 tasks wait there, of at most 3"
    assert world.rows(asked) == [{"status": "WAITING", "reason": reason}]
    world.workflow(scheduled(4, ID, RUN, queue="mail"))
    world.project()
    assert world.rows(asked) == [{"status": "SCHEDULED", "reason": None}]
    assert queue(api)["held"] == 1


def test_what_was_taken_back_or_is_over_is_not_told_any_more(world: StatusWorld, api: httpx.Client) -> None:
    fill(world)
    world.task(
        QueueLimited(queue="mail", at=T0),
        BacklogCleared(queue="mail", waiting=0, backlog=0, when_full="wait", at=T0),
        CanaryCleared(queue="mail", task="send", at=T0),
    )
    world.project()
    found = queue(api)
    assert (found["backlog"], found["when_full"], found["full_since"], found["at_once"]) == (None, None, None, None)
    assert found["canaries"] == []


def test_a_queue_that_only_has_limits_is_there(world: StatusWorld, api: httpx.Client) -> None:
    world.task(QueueLimited(queue="mail", backlog=3, when_full="refuse", at=T0))
    world.project()
    found = queue(api)
    assert (found["waiting"], found["workers"], found["when_full"]) == (0, 0, "refuse")
    assert (found["fairness"], found["canaries"], found["oldest_wait_ms"]) == ([], [], None)
