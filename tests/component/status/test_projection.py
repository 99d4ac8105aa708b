"""From journals to rows, on a real Postgres."""

from __future__ import annotations

import threading

import pytest

from headrace.contracts.dispatch_events import AssignmentsEnded, TaskRequeued, TaskUnserved
from headrace.contracts.headers import journal_headers
from headrace.contracts.journal import JournalRecord
from headrace.contracts.task_events import TaskCancelled
from headrace.contracts.workflow_events import StartRefused, WorkflowTerminated
from headrace.runtime.status_settings import StatusSettings
from headrace.shard.ports import PositionLost
from headrace.shard.reader_rule import Position
from headrace_status.fold.batch import Batch
from headrace_status.fold.changes import Put
from headrace_status.projection.board import Board
from headrace_status.projection.writer import Move, PositionsMoved, Writer
from tests.support.status_events import ID, RUN, T0, assigned, done, failed, scheduled, started, succeeded
from tests.support.status_world import LIMITS, SCHEMA, StatusWorld


def statuses(world: StatusWorld) -> dict[str, str]:
    return {row["name"]: row["status"] for row in world.rows("SELECT name, status FROM tasks ORDER BY step, attempt")}


def test_a_workflow_and_its_tasks_become_rows(world: StatusWorld) -> None:
    world.workflow(started(), scheduled(0))
    world.task(assigned(0))
    world.workflow(done(0), scheduled(1))
    world.project()
    (workflow,) = world.rows("SELECT * FROM workflows")
    assert (workflow["id"], workflow["status"], workflow["input"], workflow["ended_at"]) == (
        ID,
        "RUNNING",
        {"root": "/usr"},
        None,
    )
    assert statuses(world) == {"n0": "SUCCEEDED", "n1": "SCHEDULED"}

    world.task(AssignmentsEnded(assignments=[1], at=T0), assigned(1, 2))
    world.workflow(done(1), succeeded())
    world.project()
    (workflow,) = world.rows("SELECT * FROM workflows")
    assert (workflow["status"], workflow["output"]) == ("SUCCEEDED", [1, 2])
    assert statuses(world) == {"n0": "SUCCEEDED", "n1": "SUCCEEDED"}
    types = [row["type"] for row in world.rows("SELECT type FROM history ORDER BY at, source, seq")]
    assert types == [
        "WorkflowStarted",
        "TaskScheduled",
        "TaskScheduled",
        "TaskAssigned",
        "TaskAssigned",
        "TaskSucceeded",
        "TaskSucceeded",
        "WorkflowSucceeded",
    ]


def test_the_dispatchers_journal_may_be_read_first(world: StatusWorld) -> None:
    world.task(assigned(0))
    world.project()
    assert statuses(world) == {"n0": "RUNNING"}
    world.workflow(started(), scheduled(0))
    world.project()
    assert statuses(world) == {"n0": "RUNNING"}
    (task,) = world.rows("SELECT * FROM tasks")
    assert (task["input"], task["worker"]) == ({"a": 1}, "worker-1")


def test_whatever_is_read_first_the_rows_are_the_same(world: StatusWorld) -> None:
    world.workflow(
        started(), scheduled(0), scheduled(1), failed(0, retry_at=T0 + 99), scheduled(0, attempt=2), done(0, attempt=2)
    )
    world.task(
        assigned(0), TaskUnserved(workflow_id=ID, run_id=RUN, step=1, attempt=1, queue="q", reason="nobody", at=T0)
    )
    world.task(assigned(0, 2, worker="worker-2", attempt=2))
    world.project(StatusSettings(poll_wait_ms=1, batch_records=1))
    one_by_one = world.rows("SELECT * FROM tasks ORDER BY step, attempt")
    with world.connect() as connection:
        for table in ("tasks", "workflows", "history", "positions", "assignments", "inputs"):
            connection.execute(f"TRUNCATE {SCHEMA}.{table}")
    world.project()
    assert world.rows("SELECT * FROM tasks ORDER BY step, attempt") == one_by_one
    assert [(row["name"], row["attempt"], row["status"], row["worker"]) for row in one_by_one] == [
        ("n0", 1, "FAILED", "worker-1"),
        ("n0", 2, "SUCCEEDED", "worker-1"),
        ("n1", 1, "UNSERVED", None),
    ]


def test_a_requeued_task_waits_again(world: StatusWorld) -> None:
    world.workflow(started(), scheduled(0))
    world.task(assigned(0))
    again = TaskRequeued(assignment=1, reason="lost", losses=1, at=T0, workflow_id=ID, run_id=RUN, step=0, attempt=1)
    world.task(again)
    world.project()
    (task,) = world.rows("SELECT * FROM tasks")
    assert (task["status"], task["worker"], task["losses"], task["reason"]) == (
        "SCHEDULED",
        None,
        1,
        "queued again: lost",
    )
    assert world.rows("SELECT waiting, running FROM queues") == [{"waiting": 1, "running": 0}]


def test_a_cancelled_step_and_a_terminated_workflow_close_what_is_open(world: StatusWorld) -> None:
    world.workflow(started(), scheduled(0), scheduled(1), scheduled(2), done(0))
    world.task(assigned(1), assigned(2, 2))
    world.project()
    cancelled = TaskCancelled(
        workflow_id=ID, run_id=RUN, step=1, node="n1", task="measure", queue="q", reason="enough", at=T0
    )
    world.workflow(cancelled)
    world.project()
    assert statuses(world) == {"n0": "SUCCEEDED", "n1": "CANCELLED", "n2": "RUNNING"}
    world.workflow(WorkflowTerminated(workflow_id=ID, run_id=RUN, reason="stop", at=T0 + 5))
    world.project()
    assert statuses(world) == {"n0": "SUCCEEDED", "n1": "CANCELLED", "n2": "CANCELLED"}


def test_a_rerun_takes_the_place_of_the_old_run(world: StatusWorld) -> None:
    world.workflow(started(), scheduled(0), done(0), succeeded())
    world.project()
    world.workflow(started(run_id="0-9", attempt=2, at=T0 + 5000))
    world.project()
    (workflow,) = world.rows("SELECT * FROM workflows")
    assert (workflow["status"], workflow["attempt"], workflow["output"], workflow["ended_at"]) == (
        "RUNNING",
        2,
        None,
        None,
    )
    world.workflow(succeeded())  # an event of the old run changes nothing
    world.project()
    (workflow,) = world.rows("SELECT * FROM workflows")
    assert workflow["status"] == "RUNNING"


def test_a_refused_start_shows_but_never_covers_a_workflow(world: StatusWorld) -> None:
    unknown = StartRefused(
        workflow_id=ID, command_id="c", name="nope", error="headrace.UnknownDefinition", cause="no", at=T0
    )
    world.workflow(unknown)
    world.project()
    (workflow,) = world.rows("SELECT * FROM workflows")
    assert (workflow["status"], workflow["error"], workflow["attempt"]) == ("FAILED", "headrace.UnknownDefinition", 0)
    world.workflow(started())
    world.project()
    (workflow,) = world.rows("SELECT * FROM workflows")
    assert (workflow["status"], workflow["error"]) == ("RUNNING", None)
    world.workflow(unknown)
    world.project()
    (workflow,) = world.rows("SELECT * FROM workflows")
    assert (workflow["status"], workflow["error"]) == ("RUNNING", None)
    assert len(world.rows("SELECT * FROM refusals")) == 2


def test_nul_characters_are_replaced(world: StatusWorld) -> None:
    world.workflow(started(input=b'{"a\\u0000":"b\\u0000"}'), scheduled(0), failed(0, error="E\0", cause="x\0y"))
    world.project()
    (workflow,) = world.rows("SELECT input, input::jsonb AS binary FROM workflows")
    assert workflow["input"] == {"a\ufffd": "b\ufffd"} == workflow["binary"]
    (task,) = world.rows("SELECT error, cause FROM tasks")
    assert task == {"error": "E\ufffd", "cause": "x\ufffdy"}
    assert world.rows("SELECT * FROM refused_rows") == []


def test_a_row_that_postgres_refuses_does_not_stop_the_rest(world: StatusWorld) -> None:
    # An index takes about 2,700 bytes, and random text does not shrink to that.
    endless = "".join(chr(0x4E00 + (at * 7919) % 20000) for at in range(5000))
    world.workflow(started(), started(workflow_id=endless, run_id="0-8"), started(workflow_id="w-2", run_id="0-9"))
    world.project()
    assert {row["id"] for row in world.rows("SELECT id FROM workflows")} == {ID, "w-2"}
    refused = world.rows('SELECT "table" FROM refused_rows')
    assert {row["table"] for row in refused} == {"workflows", "history"}
    world.workflow(succeeded())
    world.project()
    assert world.rows("SELECT status FROM workflows WHERE id = %s", ID) == [{"status": "SUCCEEDED"}]


def test_a_zombies_record_does_not_count(world: StatusWorld) -> None:
    world.workflow(started())
    world.reign("workflow.journal")
    zombie = JournalRecord(epoch=0, n=2, at=1, positions=[], events=[succeeded()])
    world.log.append("workflow.journal", 0, world.codec.encode(zombie), headers=journal_headers(0, 2))
    world.workflow(scheduled(0))
    world.project()
    assert world.rows("SELECT status FROM workflows") == [{"status": "RUNNING"}]
    assert statuses(world) == {"n0": "SCHEDULED"}


def test_of_two_writers_from_one_position_only_the_first_writes(world: StatusWorld) -> None:
    world.project()
    (where,) = [where for where in world.projector_positions() if where.topic == "workflow.journal"]
    move = Move(where, -1, Position(5, 0, 1), T0)
    batch = Batch()
    batch.add(Put("nodes", (ID, RUN, "a"), {"status": "SUCCEEDED"}))
    with world.connect() as first, world.connect() as second:
        Writer(first, SCHEMA).write(batch, [move])
        later = Batch()
        later.add(Put("nodes", (ID, RUN, "a"), {"status": "FAILED"}))
        with pytest.raises(PositionsMoved):
            Writer(second, SCHEMA).write(later, [move])
    assert world.rows("SELECT status FROM nodes") == [{"status": "SUCCEEDED"}]


def test_a_second_projector_stands_by_and_takes_over(world: StatusWorld) -> None:
    first, second = Board(), Board()
    stop_first, stop_second = threading.Event(), threading.Event()
    news = threading.Event()
    second.subscribe(news.set)
    one = threading.Thread(target=world.projector(first).run, args=(stop_first,))
    one.start()
    assert first.caught_up_once.wait(30)
    two = threading.Thread(target=world.projector(second).run, args=(stop_second,))
    two.start()
    assert second.caught_up_once.wait(30)
    assert (first.role, second.role) == ("projecting", "standby")
    stop_first.set()
    one.join(30)
    world.workflow(started())
    assert news.wait(30), "the second projector did not take over"
    stop_second.set()
    two.join(30)
    assert len(world.rows("SELECT * FROM history")) == 1


def test_a_topic_made_anew_stops_the_projector_loudly(world: StatusWorld) -> None:
    world.workflow(started())
    world.project()
    world.log.create("workflow.journal", 1)
    with pytest.raises(PositionLost, match=r"workflow\.journal.*made anew.*drop the schema"):
        world.project(LIMITS)
