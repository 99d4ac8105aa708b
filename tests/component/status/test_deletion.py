"""What the journals no longer hold, and what the read model no longer keeps."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import msgspec
import pytest

from headrace.contracts.record_events import WorkflowContinued
from headrace.shard.ports import PositionLost, TopicPartition
from headrace_status.projection.board import Board
from tests.support.status_events import ID, RUN, T0, done, scheduled, started, succeeded
from tests.support.status_world import LIMITS, StatusWorld


def eventually(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not what():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)


def test_a_read_model_built_anew_over_shortened_journals_says_what_can_be_done(world: StatusWorld) -> None:
    journal = TopicPartition("workflow.journal", 0)
    world.workflow(started("w-old"))
    world.workflow(started("w-older-reign"))
    world.reign(*journal)
    world.workflow(started("w-new"))
    world.log.shorten(journal, 2)
    with pytest.raises(PositionLost, match=r"from offset 0 on.*begins at 2.*HEADRACE_STATUS_SKIP_DELETED"):
        world.project()
    world.project(msgspec.structs.replace(LIMITS, skip_deleted=True))
    assert world.rows("SELECT id FROM workflows") == [{"id": "w-new"}], "what precedes the next reign does not count"
    world.workflow(succeeded("w-new"))
    world.project()
    assert world.rows("SELECT status FROM workflows") == [{"status": "SUCCEEDED"}]


def test_what_runs_left_behind_that_went_on_as_others_is_removed(world: StatusWorld) -> None:
    now, second = time.time_ns() // 1_000_000, f"{RUN}.1"
    world.workflow(started(), scheduled(0), done(0))
    world.workflow(WorkflowContinued(workflow_id=ID, run_id=RUN, next_run_id=second, input=b"1", at=T0 + 60))
    world.workflow(scheduled(0, run_id=second, at=T0 + 70), done(0, run_id=second))
    world.workflow(WorkflowContinued(workflow_id=ID, run_id=second, next_run_id=f"{RUN}.2", input=b"2", at=now))
    world.workflow(scheduled(0, run_id=f"{RUN}.2", at=T0), started("w-2", "0-9"), scheduled(0, "w-2", "0-9"))
    world.project()
    stop = threading.Event()
    limits = msgspec.structs.replace(LIMITS, closed_kept_ms=60_000)
    thread = threading.Thread(target=world.projector(Board(), limits).run, args=(stop,))
    thread.start()
    tasks = f"SELECT run_id, step FROM tasks WHERE workflow_id = '{ID}'"
    try:
        eventually(lambda: len(world.rows(tasks)) == 1)
    finally:
        stop.set()
        thread.join(30)
    assert world.rows(tasks) == [{"run_id": f"{RUN}.2", "step": 0}]
    assert [
        row["type"] for row in world.rows(f"SELECT type FROM history WHERE workflow_id = '{ID}' ORDER BY at_ms")
    ] == [
        "WorkflowStarted",
        "TaskScheduled",
        "WorkflowContinued",
    ]
    assert len(world.rows("SELECT 1 FROM tasks WHERE workflow_id = 'w-2'")) == 1


def test_closed_workflows_are_removed_after_their_time_and_open_ones_are_not(world: StatusWorld) -> None:
    for number in range(5):
        world.workflow(started(f"closed-{number}"), scheduled(0, f"closed-{number}"), succeeded(f"closed-{number}"))
    world.workflow(started("open"), scheduled(0, "open"))
    world.workflow(started("late"), scheduled(0, "late"), succeeded("late", at=2**42))
    world.project()
    assert len(world.rows("SELECT id FROM workflows")) == 7
    limits = msgspec.structs.replace(LIMITS, closed_kept_ms=1_000, removed_at_once=2)
    stop = threading.Event()
    thread = threading.Thread(target=world.projector(Board(), limits).run, args=(stop,))
    thread.start()
    try:
        eventually(lambda: len(world.rows("SELECT id FROM workflows")) == 2)
    finally:
        stop.set()
        thread.join(30)
    for query in (
        "SELECT id FROM workflows",
        "SELECT DISTINCT workflow_id AS id FROM tasks",
        "SELECT DISTINCT workflow_id AS id FROM history",
    ):
        assert sorted(row["id"] for row in world.rows(query)) == ["late", "open"]
