"""The worker's book: what it runs, stops and reports, record by record."""

from __future__ import annotations

import pytest

from headrace.contracts.dispatch_events import (
    AssignmentsEnded,
    AttemptsNoted,
    AttemptTimedOut,
    TaskAssigned,
    TaskDropped,
    TaskRequeued,
)
from headrace.contracts.message import Message
from headrace.contracts.reports import AttemptNote, FinishedAssignment, QueueOffer, WorkerHeartbeat, WorkerHello
from headrace.contracts.worker_events import WorkerJoined, WorkerLost
from headrace_execution.worker.book import Book
from headrace_execution.worker.pages import Action, JobId, Kept, Quit, Start, Stop
from tests.unit.execution.dispatcher_shard import scheduled

OFFER = QueueOffer(queue="q", slots=2, tasks=["t"])


class Reading:
    """A book with a journal that grows."""

    def __init__(self) -> None:
        self.book = Book("a", "p", {0: [OFFER]})
        self.offset = 0

    def read(self, *events: Message) -> list[Action]:
        self.offset += 1
        return self.book.read(0, self.offset, list(events))

    def join(self) -> None:
        self.read(WorkerJoined(worker="a", session=self.session, offers=[OFFER], at=0))

    @property
    def session(self) -> str:
        return self.book.pages[0].session

    def assign(self, number: int, *, worker: str = "a", session: str = "") -> list[Action]:
        return self.read(
            TaskAssigned(
                assignment=number, worker=worker, session=session or self.session, task=scheduled(), shard=0, at=0
            )
        )

    def report(self) -> WorkerHeartbeat:
        report = self.book.report(0, 0)
        assert isinstance(report, WorkerHeartbeat)
        return report


@pytest.fixture
def page() -> Reading:
    reading = Reading()
    reading.join()
    return reading


def job(number: int) -> JobId:
    return JobId(0, number)


def dropped(number: int) -> TaskDropped:
    return TaskDropped(
        workflow_id="w", run_id="run", step=0, attempt=1, reason="ended", at=0, assignment=number, worker="a"
    )


def requeued(number: int) -> TaskRequeued:
    return TaskRequeued(assignment=number, reason="lost", losses=1, at=0, worker="a")


def test_it_says_hello_until_it_was_let_in() -> None:
    reading = Reading()
    assert isinstance(reading.book.report(0, 0), WorkerHello)
    assert isinstance(reading.book.report(0, 0), WorkerHello)
    reading.join()
    assert reading.book.all_joined
    assert reading.report().read_offset == 1


def test_it_runs_what_is_its_own(page: Reading) -> None:
    (start,) = page.assign(7)
    assert isinstance(start, Start)
    assert start.job == job(7)
    assert page.assign(8, worker="b") == []
    assert page.assign(9, session="older") == []
    assert (page.report().holds, page.report().read_assignment) == ([7], 7)


def test_a_result_is_held_until_it_is_acknowledged_and_reported_until_it_is_taken(page: Reading) -> None:
    page.assign(7)
    assert page.book.may_send(job(7), success=True)
    assert page.report().holds == [7]
    page.book.acknowledged(job(7), 3, 40)
    finished = [FinishedAssignment(assignment=7, partition=3, offset=40)]
    assert (page.report().holds, page.report().finished) == ([], finished)
    page.read(AssignmentsEnded(assignments=[7], at=0, workers=["a"]))
    assert page.report().finished == []


def test_an_end_may_be_read_before_the_acknowledgement(page: Reading) -> None:
    page.assign(7)
    page.book.may_send(job(7), success=True)
    assert page.read(AssignmentsEnded(assignments=[7], at=0, workers=["a"])) == []
    page.book.acknowledged(job(7), 3, 40)
    assert page.book.is_empty
    assert page.report().finished == []


@pytest.mark.parametrize("kind", ["dropped", "timed out"])
def test_what_is_no_longer_wanted_is_stopped_and_its_result_is_not_sent(page: Reading, kind: str) -> None:
    page.assign(7)
    late = AttemptTimedOut(
        workflow_id="w",
        run_id="run",
        step=0,
        attempt=1,
        to_shard=0,
        assignment=7,
        worker="a",
        timeout="heartbeat",
        at=0,
    )
    event = dropped(7) if kind == "dropped" else late
    assert page.read(event) == [Stop(job(7))]
    assert page.read(event) == [], "it is stopped once"
    assert page.report().holds == [7], "a thread may go on for a while"
    assert not page.book.may_send(job(7), success=True)
    assert page.report().holds == []
    assert page.book.is_empty


@pytest.mark.parametrize("success", [True, False])
def test_of_what_was_taken_back_only_a_success_is_sent(page: Reading, *, success: bool) -> None:
    page.assign(7)
    assert page.read(requeued(7)) == [Stop(job(7), elsewhere=True)]
    assert page.book.may_send(job(7), success=success) is success
    if success:
        page.book.acknowledged(job(7), 3, 40)
    assert page.book.is_empty
    assert page.report().finished == [], "the dispatcher has given it to somebody else"


def test_a_lost_session_stops_everything_and_begins_anew(page: Reading) -> None:
    page.assign(7)
    before = page.session
    assert page.read(WorkerLost(worker="a", session=before, reason="silent", at=0)) == [Stop(job(7), elsewhere=True)]
    hello = page.book.report(0, 0)
    assert isinstance(hello, WorkerHello)
    assert hello.session != before
    assert page.assign(8, session=before) == []
    page.join()
    assert len(page.assign(9)) == 1


def test_the_loss_of_an_older_session_means_nothing(page: Reading) -> None:
    page.assign(7)
    assert page.read(WorkerLost(worker="a", session="older", reason="silent", at=0)) == []
    assert page.read(WorkerLost(worker="b", session=page.session, reason="silent", at=0)) == []


def test_it_ends_where_another_process_has_its_name(page: Reading) -> None:
    (end,) = page.read(WorkerLost(worker="a", session=page.session, reason="replaced", at=0))
    assert isinstance(end, Quit)
    assert "another process has taken the name a" in end.reason


def test_a_worker_that_stops_takes_nothing_more_and_hands_back_what_does_not_end(page: Reading) -> None:
    page.assign(7)
    page.assign(8)
    assert page.book.stop() == []
    assert page.assign(9) == []
    assert (page.report().stopping, page.report().holds, page.report().handed_back) == (True, [7, 8], [9])
    page.book.may_send(job(7), success=True)
    page.book.acknowledged(job(7), 0, 1)
    assert not page.book.is_empty
    assert page.book.hand_back() == [Stop(job(8), elsewhere=True)]
    report = page.report()
    assert (report.holds, report.handed_back) == ([], [9, 8])
    assert [entry.assignment for entry in report.finished] == [7]


def test_a_handle_is_reported_at_once_and_polled_when_the_log_holds_it(page: Reading) -> None:
    page.assign(7)
    page.book.note(job(7), "details", b"3")
    assert not page.book.pages[0].urgent
    page.book.note(job(7), "handle", b'"job-7"')
    page.book.note(job(99), "handle", b'"nobody"')
    assert page.book.pages[0].urgent
    notes = [
        AttemptNote(assignment=7, kind="details", data=b"3"),
        AttemptNote(assignment=7, kind="handle", data=b'"job-7"'),
    ]
    assert page.report().notes == notes
    assert page.report().notes == []
    assert page.read(AttemptsNoted(worker="a", session=page.session, notes=notes, at=0)) == [Kept(job(7))]
    assert page.read(AttemptsNoted(worker="a", session="older", notes=notes, at=0)) == []


def test_what_only_polls_is_handed_back_as_soon_as_the_worker_stops(page: Reading) -> None:
    page.assign(7)
    page.assign(8)
    notes = [AttemptNote(assignment=8, kind="handle", data=b'"job-7"')]
    page.read(AttemptsNoted(worker="a", session=page.session, notes=notes, at=0))
    assert page.book.stop() == [Stop(job(8), elsewhere=True)]
    assert (page.report().holds, page.report().handed_back) == ([7], [8])


def test_heartbeats_are_passed_on_once(page: Reading) -> None:
    page.assign(7)
    page.book.beat(job(7))
    page.book.beat(job(99))
    assert page.report().beats == [7]
    assert page.report().beats == []
