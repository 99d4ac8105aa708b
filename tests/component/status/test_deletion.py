"""What the journals no longer hold, and what the read model no longer keeps."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import msgspec
import pytest

from headrace.shard.ports import PositionLost, TopicPartition
from headrace_status.projection.board import Board
from tests.support.status_events import scheduled, started, succeeded
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
