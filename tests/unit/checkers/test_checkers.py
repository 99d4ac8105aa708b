"""The checkers bite: each finds what it is there for in a history that was spoilt, and nothing in a healthy one."""

from __future__ import annotations

import msgspec
import pytest

from headrace.contracts.dispatch_events import AssignmentsEnded, TaskAssigned
from headrace.contracts.message import Message
from headrace.contracts.references import LeaseHolder
from headrace.contracts.reports import QueueOffer
from headrace.contracts.resource_events import LeaseGranted, LeaseReleased
from headrace.contracts.worker_events import WorkerJoined
from headrace.contracts.workflow_events import WorkflowFailed
from headrace.shard.ports import Record
from tests.support.checkers.commands import Command, check_commands
from tests.support.checkers.dispatching import check_dispatching
from tests.support.checkers.history import History
from tests.support.checkers.leases import check_leases
from tests.support.checkers.public import check_public
from tests.support.checkers.read_model import check_read_model
from tests.support.checkers.reigns import check_versions, longest_gap_ms
from tests.support.checkers.workflows import Expectation, check_workflows
from tests.unit.checkers.journals import (
    COMPLETE,
    ENDED,
    SCHEDULED,
    START,
    STARTED,
    SUCCEEDED,
    decision,
    epoch,
    healthy,
)

EXPECTED = {"w": Expectation(status="WorkflowSucceeded", output=1, succeeded={"add": 1})}
COMMANDS = [Command(0, 0, START), Command(0, 1, COMPLETE)]
HOLDER = LeaseHolder(workflow_id="w", run_id="run-1", step=0, attempt=1, node="a")


def workflows(records: list[Record]) -> list[str]:
    return check_workflows(History.of(records), EXPECTED, lambda _: EXPECTED["w"])


def test_a_healthy_history_has_no_problems() -> None:
    history = History.of(healthy())
    assert workflows(healthy()) == []
    assert check_commands(history, COMMANDS) == []
    assert check_versions(history) == []


def test_zombies_and_what_follows_a_hole_do_not_count() -> None:
    history = History.of(
        [
            epoch(0),
            decision(1, 0, 1, STARTED),
            epoch(2),
            decision(3, 0, 2, ENDED),
            decision(4, 2, 2, ENDED),
            decision(5, 2, 1, ENDED),
            epoch(6),
            decision(7, 6, 1, SCHEDULED),
        ]
    )
    assert [entry.event for entry in history.entries] == [STARTED, SCHEDULED]
    assert history.skipped == {"zombie": 1, "hole": 2}


@pytest.mark.parametrize(
    ("last", "problem"),
    [
        ((SUCCEEDED,), "1 starts and 0 ends"),
        ((SUCCEEDED, ENDED, ENDED), "1 starts and 2 ends"),
        ((ENDED,), "successes {} instead of {'add': 1}"),
        ((SUCCEEDED, SUCCEEDED, ENDED), "successes {'add': 2}"),
        ((SUCCEEDED, msgspec.structs.replace(ENDED, output=b"2")), "output b'2' instead of 1"),
        ((SUCCEEDED, WorkflowFailed(workflow_id="w", run_id="run-1", error="x", at=3)), "WorkflowFailed instead of"),
        ((SCHEDULED, SUCCEEDED, ENDED), "attempt 1 came after 1"),
    ],
)
def test_a_workflow_that_did_not_end_as_it_must_is_found(last: tuple[Message, ...], problem: str) -> None:
    assert any(problem in found for found in workflows([*healthy()[:2], decision(2, 0, 2, *last, command=1)]))


def test_events_of_a_workflow_that_nobody_started_are_found() -> None:
    stranger = msgspec.structs.replace(STARTED, workflow_id="x", run_id="run-2")
    assert any("nobody started it" in found for found in workflows([*healthy(), decision(3, 0, 3, stranger)]))


@pytest.mark.parametrize(
    ("records", "problem"),
    [
        (healthy()[:2], "CompleteTask at 0:1 was never decided"),
        ([*healthy(), decision(3, 0, 3, command=1)], "again"),
        ([*healthy(), decision(3, 0, 3, STARTED)], "was decided 2 times"),
        ([epoch(0), decision(1, 0, 1, command=1)], "has no answer"),
        (
            [epoch(0), decision(1, 0, 1, STARTED, SCHEDULED, command=1)],
            "the success of step 0 of w (attempt 1) was lost",
        ),
        ([*healthy(), decision(3, 0, 3, SUCCEEDED)], "ended twice"),
    ],
)
def test_a_command_that_was_lost_or_decided_twice_is_found(records: list[Record], problem: str) -> None:
    assert any(problem in found for found in check_commands(History.of(records), COMMANDS))


def assigned(number: int, step: int = 0) -> TaskAssigned:
    task = msgspec.structs.replace(SCHEDULED, step=step)
    return TaskAssigned(assignment=number, worker="k", session="s", task=task, shard=0, at=1)


JOINED = WorkerJoined(worker="k", session="s", offers=[QueueOffer(queue="q", slots=1, tasks=["add"])], at=1)
FREED = AssignmentsEnded(assignments=[1], at=2)


@pytest.mark.parametrize(
    ("events", "problem"),
    [
        ((JOINED, assigned(1), FREED), ""),
        ((JOINED, assigned(1)), "never ended"),
        ((JOINED, assigned(1), assigned(2, 1), FREED), "with 1 of 1 busy"),
        ((JOINED, assigned(1), assigned(2), FREED), "run one attempt"),
        ((JOINED, assigned(1), FREED, assigned(1), FREED), "came after 1"),
    ],
)
def test_slots_are_counted(events: tuple[Message, ...], problem: str) -> None:
    records = [epoch(0, topic="task.journal"), decision(1, 0, 1, *events, topic="task.journal")]
    found = check_dispatching(History.of(records))
    assert found == [] if not problem else any(problem in one for one in found)


def granted(token: int, step: int = 0) -> LeaseGranted:
    holder = msgspec.structs.replace(HOLDER, step=step)
    return LeaseGranted(resource="r", units=1, fencing_token=token, holder=holder, to_shard=0, at=1)


def released(token: int) -> LeaseReleased:
    return LeaseReleased(resource="r", units=1, fencing_token=token, holder=HOLDER, reason="", at=1)


@pytest.mark.parametrize(
    ("events", "problem"),
    [
        ((granted(1), released(1), granted(2), released(2)), ""),
        ((granted(1), granted(2, 1), released(1), released(2)), "2 units are held of 1"),
        ((granted(1), granted(2), released(1), released(2)), "holds two leases"),
        ((granted(2), released(2), granted(1), released(1)), "token 1 came after 2"),
        ((granted(1),), "never gave its lease back"),
        ((granted(1), released(1), released(1)), "nobody held it"),
    ],
)
def test_leases_are_counted(events: tuple[Message, ...], problem: str) -> None:
    records = [epoch(0, topic="resource.journal"), decision(1, 0, 1, *events, topic="resource.journal")]
    found = check_leases(History.of(records), {"r": 1})
    assert found == [] if not problem else any(problem in one for one in found)


def public(seq: int, offset: int = 1, topic: str = "workflow.events") -> Record:
    return Record(
        topic=topic,
        partition=0,
        offset=0,
        at=0,
        key=b"w",
        headers=[("ce_id", f"workflow.journal/0/{offset}/{seq}".encode())],
    )


@pytest.mark.parametrize(
    ("records", "problem"),
    [
        ([public(0), public(1, topic="task.events")], ""),
        ([public(0)], "is missing"),
        ([public(0), public(0), public(1, topic="task.events")], "came twice"),
        ([public(0), public(1)], "stands in workflow.events"),
        ([public(0), public(1, topic="task.events"), public(0, offset=9)], "does not count"),
    ],
)
def test_public_events_are_compared_one_by_one(records: list[Record], problem: str) -> None:
    found = check_public(History.of(healthy()[:2]), records)
    assert found == [] if not problem else any(problem in one for one in found)


ROWS = [("workflow.journal", 0, 1, 0), ("workflow.journal", 0, 1, 1), ("workflow.journal", 0, 2, 0)]
ROWS += [("workflow.journal", 0, 2, 1)]


@pytest.mark.parametrize(
    ("status", "output", "rows", "problem"),
    [
        ("SUCCEEDED", "1", ROWS, ""),
        ("RUNNING", None, ROWS, "shows w as RUNNING"),
        ("SUCCEEDED", "2", ROWS, "shows '2'"),
        ("SUCCEEDED", "1", ROWS[1:], "lacks"),
        ("SUCCEEDED", "1", [*ROWS, ROWS[0]], "1 rows twice"),
        ("SUCCEEDED", "1", [*ROWS, ("workflow.journal", 0, 7, 0)], "no journal"),
    ],
)
def test_the_read_model_is_compared_with_the_journals(
    status: str, output: str | None, rows: list[tuple[str, int, int, int]], problem: str
) -> None:
    found = check_read_model(History.of(healthy()), {"w": {"status": status, "output": output}}, [], rows)
    assert found == [] if not problem else any(problem in one for one in found)


def test_older_code_after_newer_is_found_and_gaps_are_measured() -> None:
    history = History.of([*healthy(), epoch(3, version=2), epoch(10, version=1), decision(50, 10, 1)])
    assert len(check_versions(history)) == 1
    assert longest_gap_ms(history, "workflow.journal", 0, 0, 100) == 48
    assert longest_gap_ms(history, "workflow.journal", 0, 60, 100) == 0
