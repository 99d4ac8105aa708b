"""Schedules: what starts when, what waits, what is passed over, and what is refused."""

from __future__ import annotations

import pytest

from headrace.contracts import schedule_commands as c
from headrace.contracts.schedule_events import ScheduleCancelRequested, ScheduleRunEnded, ScheduleSet
from headrace.contracts.wait_events import CommandRefused
from headrace.contracts.workflow_events import StartRefused, WorkflowCancelled, WorkflowStarted
from headrace.engine.context import Limits
from tests.unit.engine.decision_shard import names, only
from tests.unit.engine.scheduling import DAY, HOUR, START, Scheduling, fired, hourly, ms, skipped


def refused(events: list) -> str:
    return only(events, CommandRefused).error


def test_a_workflow_starts_at_each_time_under_the_id_that_says_so():
    world = Scheduling()
    made = only(world.set(hourly()), ScheduleSet)
    assert made.next_at == ms("2026-11-21T11:00:00+00:00")
    events = world.until(START + HOUR)
    assert names(events) == ["ScheduleFired", "WorkflowStarted", "TaskScheduled"]
    started = only(events, WorkflowStarted)
    assert (started.workflow_id, started.name, started.input) == ("s-20261121T110000Z", "chain", b'{"x": 1}')
    assert (started.parent.workflow_id, started.parent.step, started.parent.depth) == ("s", -1, 0)
    ended = only(world.end("s-20261121T110000Z"), ScheduleRunEnded)
    assert (ended.workflow_id, ended.status) == ("s-20261121T110000Z", "SUCCEEDED")
    assert world.schedule().running == {}
    assert fired(world.until(START + 3 * HOUR)) == ["s-20261121T120000Z"]


@pytest.mark.parametrize("forgetful", [False, True])
@pytest.mark.parametrize(
    ("overlap", "starts", "waits", "gives_up"),
    [
        ("skip", 1, 0, [("headrace.Overlap", 1), ("headrace.Overlap", 1)]),
        ("queue", 1, 2, []),
        ("cancel", 2, 1, []),
        ("allow", 3, 0, []),
    ],
)
def test_what_happens_while_one_still_runs(forgetful: bool, overlap: str, starts: int, waits: int, gives_up: list):
    world = Scheduling(forgetful=forgetful)
    world.set(hourly(overlap=overlap))
    world.until(START + HOUR)
    if overlap == "cancel":
        # It is asked to end, and ends at once: its tasks are given up.
        events = world.until(START + 2 * HOUR)
        assert only(events, WorkflowCancelled).workflow_id == "s-20261121T110000Z"
        assert fired(events) == ["s-20261121T120000Z"]
        return
    events = world.until(START + 3 * HOUR)
    assert 1 + len(fired(events)) == starts
    assert len(world.schedule().waiting) == waits
    assert skipped(events) == gives_up


def test_a_queue_starts_one_after_the_other_in_order():
    world = Scheduling()
    world.set(hourly(overlap="queue"))
    world.until(START + 3 * HOUR)
    assert fired(world.end("s-20261121T110000Z")) == ["s-20261121T120000Z"]
    assert fired(world.end("s-20261121T120000Z")) == ["s-20261121T130000Z"]
    assert fired(world.end("s-20261121T130000Z")) == []


def test_a_queue_that_is_full_passes_times_over():
    world = Scheduling(limits=Limits(schedule_waiting=1))
    world.set(hourly(overlap="queue"))
    assert skipped(world.until(START + 4 * HOUR)) == [("headrace.QueueFull", 1), ("headrace.QueueFull", 1)]


def test_cancelling_asks_once_and_only_the_newest_waits():
    world = Scheduling()
    world.set(hourly(overlap="cancel", name="stubborn", input=b"{}"))
    world.until(START + HOUR)
    events = world.until(START + 3 * HOUR)
    asked = [event.workflow_id for event in events if isinstance(event, ScheduleCancelRequested)]
    assert asked == ["s-20261121T110000Z"]
    assert [each.scheduled_at for each in world.schedule().waiting] == [ms("2026-11-21T13:00:00+00:00")]
    assert fired(world.end("s-20261121T110000Z")) == ["s-20261121T130000Z"]


def test_a_request_to_end_is_for_what_this_schedule_has_started():
    world = Scheduling()
    world.set(hourly(overlap="cancel"))
    world.until(START + HOUR)
    first = only(world.events, WorkflowStarted)
    stranger = ScheduleCancelRequested(
        schedule_id="s", generation="another", workflow_id=first.workflow_id, to_shard=0, at=1
    )
    assert world.shard.hear(stranger) == []


def test_what_was_missed_is_made_up_for_within_the_window():
    world = Scheduling()
    world.set(hourly(overlap="allow", catch_up_ms=3 * HOUR))
    events = world.late(START + 10 * HOUR)
    assert skipped(events) == [("headrace.Missed", 7)]
    assert fired(events) == [f"s-20261121T{hour}0000Z" for hour in (18, 19, 20)]


def test_a_time_counts_as_missed_by_when_it_was_due():
    world = Scheduling()
    due = only(world.set(hourly(jitter_ms=HOUR // 2, catch_up_ms=10_000)), ScheduleSet).due_at
    assert due > START + HOUR // 2 + 10_000
    assert fired(world.late(due + 10_000)) == ["s-20261121T110000Z"]
    # With a jitter longer than the window, a later time may still be due.
    events = world.late(START + 3 * HOUR)
    assert skipped(events)[0][0] == "headrace.Missed"
    assert world.schedule().due_at > START + 3 * HOUR - 10_000


def test_after_an_outage_each_policy_is_kept():
    for overlap, starts in (("skip", ["11"]), ("queue", ["11"]), ("cancel", ["13"])):
        world = Scheduling()
        world.set(hourly(overlap=overlap))
        events = world.late(START + 3 * HOUR)
        assert fired(events) == [f"s-20261121T{hour}0000Z" for hour in starts], overlap
        assert (
            skipped(events)
            == {"skip": [("headrace.Overlap", 2)], "queue": [], "cancel": [("headrace.Superseded", 2)]}[overlap]
        )


def test_a_paused_schedule_starts_nothing_and_makes_up_for_nothing():
    world = Scheduling()
    world.set(hourly())
    world.send(c.PauseSchedule, reason="holidays")
    assert world.until(START + 5 * HOUR) == []
    assert names(world.send(c.ResumeSchedule)) == ["ScheduleResumed"]
    assert fired(world.until(START + 6 * HOUR)) == ["s-20261121T160000Z"]


def test_a_schedule_may_begin_paused_and_stays_so_when_it_is_set_again():
    world = Scheduling()
    world.set(hourly(), paused=True)
    world.set(hourly(input=b"{}"))
    assert world.until(START + 5 * HOUR) == []


def test_a_schedule_that_is_set_again_with_the_same_times_keeps_one_that_is_due():
    world = Scheduling()
    world.set(hourly())
    world.shard.now_ms = START + HOUR
    events = world.set(hourly(input=b"[2]"))
    assert only(events, WorkflowStarted).input == b"[2]"
    assert fired(events) == ["s-20261121T110000Z"]


def test_jitter_is_the_same_each_time_and_within_its_limit():
    spec = hourly(jitter_ms=600_000)
    one, other = Scheduling(), Scheduling()
    due = only(one.set(spec), ScheduleSet).due_at
    assert due == only(other.set(spec), ScheduleSet).due_at
    assert 0 < due - ms("2026-11-21T11:00:00+00:00") <= 600_000
    assert fired(one.until(due - 1)) == []
    assert fired(one.until(due)) == ["s-20261121T110000Z"]


def test_a_run_by_hand_starts_at_once_paused_or_not():
    world = Scheduling()
    world.set(hourly(), paused=True)
    (workflow_id,) = fired(world.send(c.TriggerSchedule))
    assert workflow_id.startswith("s-20261121T103000Z-")
    # The schedule's own rule holds for it, unless the command says otherwise.
    assert refused(world.send(c.TriggerSchedule)) == "headrace.Overlap"
    assert len(fired(world.send(c.TriggerSchedule, overlap="allow"))) == 1


def test_runs_by_hand_may_wait():
    world = Scheduling(limits=Limits(schedule_waiting=1))
    world.set(hourly(overlap="queue"))
    (first,) = fired(world.send(c.TriggerSchedule))
    assert names(world.send(c.TriggerSchedule)) == ["ScheduleQueued"]
    assert refused(world.send(c.TriggerSchedule)) == "headrace.QueueFull"
    assert len(fired(world.end(first))) == 1


def test_no_more_than_the_limit_run_at_once():
    world = Scheduling(limits=Limits(schedule_running=2))
    world.set(hourly(overlap="allow"))
    events = world.until(START + 4 * HOUR)
    assert len(fired(events)) == 2
    assert skipped(events) == [("headrace.TooManyRunning", 1), ("headrace.TooManyRunning", 1)]
    assert refused(world.send(c.TriggerSchedule)) == "headrace.TooManyRunning"


@pytest.mark.parametrize("forgetful", [False, True])
def test_a_backfill_starts_a_range_one_after_the_other(forgetful: bool):
    world = Scheduling(forgetful=forgetful)
    world.set(hourly())
    range_of = {"from_at": START - 3 * HOUR - HOUR // 2, "until_at": START - HOUR // 2}
    assert fired(world.send(c.BackfillSchedule, **range_of)) == ["s-20261121T070000Z"]
    assert fired(world.end("s-20261121T070000Z")) == ["s-20261121T080000Z"]
    assert fired(world.end("s-20261121T080000Z")) == ["s-20261121T090000Z"]
    assert fired(world.end("s-20261121T090000Z")) == []
    assert world.schedule().backfills == []


def test_a_backfill_may_start_all_at_once_up_to_the_limit():
    world = Scheduling(limits=Limits(schedule_running=3))
    world.set(hourly())
    events = world.send(c.BackfillSchedule, from_at=START - 5 * HOUR, until_at=START, overlap="allow")
    assert len(fired(events)) == 3
    assert len(fired(world.end("s-20261121T060000Z"))) == 1


def test_what_has_run_already_is_not_run_again_by_a_backfill():
    world = Scheduling()
    world.set(hourly())
    world.until(START + HOUR)
    world.end("s-20261121T110000Z")
    events = world.send(c.BackfillSchedule, from_at=START, until_at=START + HOUR + 1)
    assert only(events, StartRefused).error == "headrace.AlreadyExists"
    assert only(events, ScheduleRunEnded).status == "REFUSED"
    assert world.schedule().running == {}


def test_a_deleted_schedule_is_gone_and_its_runs_go_on():
    world = Scheduling()
    world.set(hourly())
    world.until(START + HOUR)
    world.send(c.DeleteSchedule)
    assert "s" not in world.shard.state.schedules
    assert world.until(START + DAY) == []
    assert names(world.end("s-20261121T110000Z"))[-1] == "WorkflowSucceeded"
    # Another one of this id has a life of its own: it does not wait for the runs of the first.
    world.set(hourly())
    assert world.schedule().running == {}


def test_a_command_that_comes_again_changes_nothing():
    world = Scheduling()
    world.set(hourly(), command_id="x")
    assert world.set(hourly(), command_id="x") == []
    world.send(c.TriggerSchedule, command_id="y")
    assert world.send(c.TriggerSchedule, command_id="y") == []
    world.send(c.DeleteSchedule, command_id="z")
    assert world.set(hourly(), command_id="x") == []
    assert world.send(c.DeleteSchedule, command_id="z") == []


def test_a_command_that_may_be_one_that_was_forgotten_is_refused():
    world = Scheduling(limits=Limits(schedule_commands=2))
    for _ in range(3):
        world.set(hourly())
    world.shard.now_ms = START - 1
    assert refused(world.send(c.PauseSchedule)) == "headrace.CommandTooOld"


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"cron": "0 0 30 2 *"}, "headrace.NeverFires"),
        ({"cron": "* * */20 * 1L"}, "headrace.NeverFires"),
        ({"cron": "0 0 31 4,6 *"}, "headrace.NeverFires"),
        ({"cron": "61 * * * *"}, "headrace.InvalidSchedule"),
        ({"cron": "0 0 32 1 *"}, "headrace.InvalidSchedule"),
        ({"cron": "0 * * * * *"}, "headrace.InvalidSchedule"),
        ({"cron": ""}, "headrace.InvalidSchedule"),
        ({"every_ms": 60_000}, "headrace.InvalidSchedule"),
        ({"cron": "", "every_ms": 500}, "headrace.InvalidSchedule"),
        ({"cron": "", "every_ms": 60_000, "offset_ms": 60_000}, "headrace.InvalidSchedule"),
        ({"timezone": "Mars/Olympus"}, "headrace.InvalidSchedule"),
        ({"timezone": "../etc/passwd"}, "headrace.InvalidSchedule"),
        ({"overlap": "maybe"}, "headrace.InvalidSchedule"),
        ({"jitter_ms": -1}, "headrace.InvalidSchedule"),
        ({"catch_up_ms": 9_999}, "headrace.InvalidSchedule"),
        ({"input": b"{"}, "headrace.InvalidSchedule"),
        ({"input": b'"' + b"x" * 70_000 + b'"'}, "headrace.InvalidSchedule"),
        ({"name": "unheard_of"}, "headrace.UnknownDefinition"),
        ({"name": ""}, "headrace.InvalidSchedule"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(fields: dict, error: str):
    world = Scheduling()
    assert refused(world.set(hourly(**fields))) == error
    assert len(world.shard.state.schedules) == 0


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"from_at": START, "until_at": START - 1}, "range of the past"),
        ({"from_at": START + HOUR, "until_at": START + DAY}, "range of the past"),
        ({"from_at": START - 60_000, "until_at": START}, "with a time"),
        ({"from_at": START - 4000 * HOUR, "until_at": START}, "in parts"),
        ({"from_at": START - DAY, "until_at": START, "overlap": "cancel"}, "queue or allow"),
    ],
)
def test_a_backfill_that_cannot_be_is_refused(fields: dict, text: str):
    world = Scheduling()
    world.set(hourly())
    refusal = only(world.send(c.BackfillSchedule, **fields), CommandRefused)
    assert text in refusal.cause


def test_commands_to_a_schedule_that_is_not_there_are_refused():
    world = Scheduling()
    for kind in (c.DeleteSchedule, c.PauseSchedule, c.ResumeSchedule, c.TriggerSchedule):
        assert refused(world.send(kind)) == "headrace.NotFound"


def test_a_shard_has_a_bounded_number_of_schedules():
    world = Scheduling(limits=Limits(schedules=1))
    world.set(hourly())
    assert refused(world.set(hourly(), schedule_id="t")) == "headrace.TooManySchedules"
    assert names(world.set(hourly())) == ["ScheduleSet"]


def test_a_start_that_is_refused_is_told_to_the_schedule():
    world = Scheduling()
    world.shard.start("chain", workflow_id="s-20261121T110000Z")
    world.set(hourly())
    ended = only(world.until(START + HOUR), ScheduleRunEnded)
    assert (ended.status, ended.error) == ("REFUSED", "headrace.AlreadyExists")
    assert fired(world.until(START + 2 * HOUR)) == ["s-20261121T120000Z"]


def test_a_workflow_of_the_same_id_has_nothing_to_do_with_a_schedule():
    world = Scheduling()
    world.shard.start("chain", workflow_id="s")
    world.set(hourly())
    world.until(START + HOUR)
    world.end("s-20261121T110000Z")
    assert "s" in world.shard.state.runs
    assert world.schedule().running == {}


def test_a_schedule_that_breaks_is_paused_with_the_reason(monkeypatch: pytest.MonkeyPatch):
    world = Scheduling()
    world.set(hourly())
    monkeypatch.setattr("headrace.engine.schedules.times.next_after", _broken)
    events = world.until(START + HOUR)
    assert names(events) == ["SchedulePaused"]
    assert "headrace.DecisionFailed: OSError: no such zone" in events[0].reason


def _broken(*_: object) -> int:
    raise OSError("no such zone")


def test_many_schedules_that_are_due_at_once_are_all_started():
    world = Scheduling(limits=Limits(schedules=1_000))
    world.shard._replays = False
    for number in range(500):
        world.set(hourly(), schedule_id=f"s{number}")
    events = world.until(START + HOUR)
    assert len(fired(events)) == 500
