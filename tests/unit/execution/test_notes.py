"""What attempts want kept reaches whoever runs their task next, and nothing of it stays for ever."""

from __future__ import annotations

import msgspec
import pytest

from headrace.contracts.dispatch_events import AttemptNotes, AttemptsNoted, TaskAssigned
from headrace.contracts.message import Message
from headrace.contracts.reports import AttemptNote, WorkerHeartbeat
from headrace.contracts.task_events import TaskReleased
from headrace_execution.dispatcher.round import DispatchLimits
from tests.unit.execution.dispatcher_shard import DispatcherShard, failed, scheduled, succeeded, timed_out


@pytest.fixture
def shard() -> DispatcherShard:
    shard = DispatcherShard()
    shard.hello("a")
    return shard


def note(shard: DispatcherShard, *notes: tuple[str, bytes], worker: str = "a", session: str = "s1") -> list[Message]:
    number = shard.state.last_assignment
    return shard.feed(
        WorkerHeartbeat(
            worker=worker,
            session=session,
            read_offset=0,
            read_assignment=number,
            holds=[number],
            notes=[AttemptNote(assignment=number, kind=kind, data=data) for kind, data in notes],
            sent_at=shard.now_ms,
        )
    )


def last(shard: DispatcherShard) -> TaskAssigned:
    return shard.of(TaskAssigned)[-1]


def will_retry(assigned: TaskAssigned) -> Message:
    return msgspec.structs.replace(failed(assigned), retry_at=5_000)


def test_a_handle_is_told_to_its_worker_and_details_are_not(shard: DispatcherShard) -> None:
    shard.record(scheduled())
    (kept,) = note(shard, ("details", b"3"))
    assert list(shard.decider.addressees(kept)) == []
    (kept,) = note(shard, ("handle", b'"job-7"'))
    assert isinstance(kept, AttemptsNoted)
    assert list(shard.decider.addressees(kept)) == ["w:a"]


def test_a_lost_workers_notes_go_with_its_task(shard: DispatcherShard) -> None:
    shard.record(scheduled())
    note(shard, ("details", b"3"), ("handle", b'"job-7"'))
    note(shard, ("details", b"4"))
    shard.pass_time(60_000)
    shard.hello("b")
    assert (last(shard).worker, last(shard).noted) == ("b", AttemptNotes(details=b"4", handle=b'"job-7"'))


@pytest.mark.parametrize("restart", [False, True])
def test_the_next_attempt_gets_the_details_and_a_handle_of_its_own(shard: DispatcherShard, *, restart: bool) -> None:
    shard.record(scheduled())
    note(shard, ("details", b"3"), ("handle", b'"job-7"'))
    shard.record(will_retry(last(shard)))
    if restart:
        shard.take_over_from_checkpoint()
    shard.record(scheduled(attempt=2))
    assert last(shard).noted == AttemptNotes(details=b"3")
    shard.record(succeeded(last(shard)))
    assert not shard.state.notes


def test_a_time_out_with_a_retry_keeps_the_details(shard: DispatcherShard) -> None:
    shard.record(scheduled())
    note(shard, ("details", b"3"))
    shard.record(msgspec.structs.replace(timed_out(last(shard)), retry_at=5_000))
    shard.report("a")
    shard.record(scheduled(attempt=2))
    assert last(shard).noted == AttemptNotes(details=b"3")


def test_an_attempt_that_gets_a_newer_lease_keeps_its_handle(shard: DispatcherShard) -> None:
    shard.record(scheduled(token=1))
    note(shard, ("handle", b'"job-7"'))
    shard.pass_time(60_000)
    shard.record(
        TaskReleased(workflow_id="w-run", run_id="run", step=0, attempt=1, fencing_token=1, losses=1, at=0),
        scheduled(token=2, losses=1),
    )
    shard.hello("b")
    assert last(shard).noted == AttemptNotes(handle=b'"job-7"')


@pytest.mark.parametrize("end", ["succeeded", "failed", "timed out"])
def test_what_ends_for_good_leaves_no_notes(shard: DispatcherShard, end: str) -> None:
    shard.record(scheduled())
    note(shard, ("details", b"3"), ("handle", b"7"))
    ends = {"succeeded": succeeded, "failed": failed, "timed out": timed_out}
    shard.record(ends[end](last(shard)))
    assert not shard.state.notes
    shard.checkpoint()
    assert not [key for key in shard.entries if key.startswith("d/")]


def test_notes_that_wait_for_a_retry_are_bounded() -> None:
    shard = DispatcherShard(DispatchLimits(remembered_ends=3))
    shard.hello("a")
    for step in range(5):
        shard.record(scheduled(step))
        note(shard, ("details", b"%d" % step))
        shard.record(will_retry(last(shard)))
    assert sorted(step for _, step in shard.state.notes) == [2, 3, 4]
    shard.checkpoint()
    assert sorted(key for key in shard.entries if key.startswith("d/")) == ["d/run/2", "d/run/3", "d/run/4"]


def test_notes_of_others_are_not_kept(shard: DispatcherShard) -> None:
    shard.record(scheduled())
    assert not [event for event in note(shard, ("details", b"3"), session="s0") if isinstance(event, AttemptsNoted)]
    shard.hello("b")
    assert not [event for event in note(shard, ("details", b"3"), worker="b") if isinstance(event, AttemptsNoted)]
    shard.record(succeeded(last(shard)))
    assert not [event for event in note(shard, ("details", b"3")) if isinstance(event, AttemptsNoted)]
    assert not shard.state.notes
