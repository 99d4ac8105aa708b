"""When a schedule's times are, through the turns of a zone's clock too."""

from __future__ import annotations

from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts.schedule_events import ScheduleSpec
from headrace.engine.schedules import times
from headrace.engine.schedules.check import SCHEDULE_ID, cron_fields
from headrace.engine.schedules.schedules import SeenCommands
from tests.unit.engine.scheduling import HOUR, hourly, ms

CRONS = ("* * * * *", "*/20 * * * *", "30 2 * * *", "0 * * * *", "15,45 1-3 * * *", "0 0 1 * *", "0 9 * * MON-FRI")
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")
SPECS = st.one_of(
    st.builds(lambda cron, zone: hourly(cron=cron, timezone=zone), st.sampled_from(CRONS), st.sampled_from(ZONES)),
    st.builds(
        lambda every, offset: hourly(cron="", every_ms=every * 1000, offset_ms=offset % every * 1000),
        st.integers(1, 100_000),
        st.integers(0, 100_000),
    ),
)
MOMENTS = st.integers(ms("2020-01-01T00:00:00+00:00"), ms("2035-01-01T00:00:00+00:00"))


def berlin(cron: str, after: str, count: int = 2) -> list[int]:
    return list(islice(times.times_after(hourly(cron=cron, timezone="Europe/Berlin"), ms(after)), count))


def test_a_time_that_the_clock_leaves_out_is_at_the_first_moment_after_the_gap():
    assert berlin("30 2 * * *", "2026-03-29T00:00:00+01:00") == [
        ms("2026-03-29T03:00:00+02:00"),
        ms("2026-03-30T02:30:00+02:00"),
    ]


def test_a_time_that_there_is_twice_counts_once():
    first, second = ms("2026-10-25T02:30:00+02:00"), ms("2026-10-26T02:30:00+01:00")
    assert berlin("30 2 * * *", "2026-10-25T00:00:00+02:00") == [first, second]
    # Asked from within the second half of the doubled hour, the first half does not come again.
    assert berlin("30 2 * * *", "2026-10-25T02:10:00+01:00", 1) == [second]


def test_fields_with_a_star_go_by_the_time_that_passes():
    found = berlin("0 * * * *", "2026-10-25T00:30:00+02:00", 4)
    assert [later - earlier for earlier, later in pairwise(found)] == [HOUR] * 3


def test_an_interval_is_counted_from_the_epoch():
    spec = hourly(cron="", every_ms=90_000, offset_ms=10_000)
    assert list(islice(times.times_after(spec, 100_000), 3)) == [190_000, 280_000, 370_000]
    assert times.next_after(spec, 99_999) == 100_000
    assert times.next_after(spec, 0) == 10_000


@given(SPECS, MOMENTS)
def test_times_grow_and_the_first_is_the_next(spec: ScheduleSpec, after: int):
    found = list(islice(times.times_after(spec, after), 5))
    assert all(earlier < later for earlier, later in pairwise([after, *found]))
    # Whichever moment before it is asked from, the next time is the same: none is lost, and none comes twice.
    assert times.next_after(spec, found[0] - 1) == found[0]
    assert times.next_after(spec, (after + found[0]) // 2) == found[0]
    assert times.next_after(spec, found[0]) == found[1]


@given(SPECS, MOMENTS, st.integers(0, 5_000_000))
def test_the_last_time_by_a_moment(spec: ScheduleSpec, after: int, wait: int):
    first = times.next_after(spec, after)
    plain = first
    for time_ms in times.times_after(spec, first):
        if time_ms > first + wait:
            break
        plain = time_ms
    assert times.last_by(spec, first, first + wait) == plain


@given(MOMENTS, st.integers(1, 10_000_000))
def test_jitter_stays_within_its_limit_and_is_always_the_same(time_ms: int, jitter_ms: int):
    spec = hourly(jitter_ms=jitter_ms)
    assert 0 <= times.due_at("s", spec, time_ms) - time_ms <= jitter_ms
    assert times.due_at("s", spec, time_ms) == times.due_at("s", spec, time_ms)


def test_ids_say_the_time_and_fit():
    longest = "x" * 160
    assert SCHEDULE_ID.fullmatch(longest)
    assert times.workflow_id_of("billing", ms("2026-11-01T02:00:00+00:00")) == "billing-20261101T020000Z"
    assert len(times.triggered_id_of(longest, ms("2026-11-01T02:00:00+00:00"), "c1")) <= 200


@pytest.mark.parametrize(
    ("text", "fields"), [("@daily", "0 0 * * *"), (" @Hourly ", "0 * * * *"), ("0  9 * *\tMON", "0 9 * * MON")]
)
def test_names_stand_for_fields(text: str, fields: str):
    assert cron_fields(text) == fields


def test_the_oldest_command_is_forgotten_first():
    seen = SeenCommands(2)
    for number in range(3):
        seen.add(bytes([number + 1]), at=100 + number)
    assert (b"\1" in seen, b"\2" in seen, b"\3" in seen) == (False, True, True)
    assert seen.forgotten_before == 101
