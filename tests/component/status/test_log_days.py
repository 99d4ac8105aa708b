"""Lines of log by day: each finds its day, old days go as a whole, and nothing is lost on the way."""

from __future__ import annotations

import time

import msgspec
import psycopg
import pytest

from headrace.contracts import topics
from headrace.contracts.log_lines import LogLine
from headrace_status.projection.log_days import DAY_MS, REST, LogDays, day_of, days_ahead, oldest_day, table_of
from tests.support.status_world import LIMITS, SCHEMA, StatusWorld


def line(at: int, message: str) -> LogLine:
    return LogLine(at=at, level="info", service="worker", source="w", workflow_id="w-1", message=message)


def tables(world: StatusWorld) -> dict[str, int]:
    """Return the number of lines of each partition that holds some."""
    with psycopg.connect(world.owner) as owner:
        rows = owner.execute(f"SELECT tableoid::regclass::text, count(*) FROM {SCHEMA}.logs GROUP BY 1").fetchall()
    return {str(name).rpartition(".")[2]: int(count) for name, count in rows}


@pytest.mark.parametrize("day", [0, 20_000, 20_778, 2_932_896])
def test_a_table_is_named_after_its_day(day: int) -> None:
    assert day_of(table_of(day)) == day
    assert day_of(REST) is None


def test_days_are_made_ahead_and_kept_as_long_as_any_line_of_theirs() -> None:
    noon = 20_000 * DAY_MS + DAY_MS // 2
    assert list(days_ahead(noon)) == [20_000, 20_001, 20_002]
    assert oldest_day(noon, DAY_MS) == 19_999
    assert oldest_day(noon, DAY_MS // 2) == 20_000
    assert oldest_day(5, DAY_MS) == 0


def test_lines_go_to_their_day_and_those_of_other_times_find_theirs_at_the_next_look(world: StatusWorld) -> None:
    now = time.time_ns() // 1_000_000
    long_ago = now - 3 * DAY_MS
    for at, text in ((now, "now"), (long_ago, "long ago"), (now + DAY_MS, "tomorrow")):
        world.plain(topics.LOGS, line(at, text))
    world.project()
    today, tomorrow = table_of(now // DAY_MS), table_of(now // DAY_MS + 1)
    assert tables(world) == {today: 1, tomorrow: 1, REST: 1}
    world.project()
    assert tables(world) == {today: 1, tomorrow: 1, table_of(long_ago // DAY_MS): 1}
    found = world.rows("SELECT message FROM logs ORDER BY at_ms")
    assert [row["message"] for row in found] == ["long ago", "now", "tomorrow"]


def test_what_is_older_than_lines_are_kept_goes(world: StatusWorld) -> None:
    now = time.time_ns() // 1_000_000
    for days in range(5):
        world.plain(topics.LOGS, line(now - days * DAY_MS, str(days)))
    world.plain(topics.LOGS, line(now + 365 * DAY_MS, "from a clock that is far ahead"))
    world.project()
    world.project()
    assert len(tables(world)) == 6
    world.project(msgspec.structs.replace(LIMITS, logs_kept_ms=2 * DAY_MS))
    assert {row["message"] for row in world.rows("SELECT message FROM logs")} == {"0", "1", "2"}


def test_a_day_waits_for_whoever_reads_the_log(world: StatusWorld) -> None:
    now = time.time_ns() // 1_000_000
    world.plain(topics.LOGS, line(now, "now"))
    world.project()
    with psycopg.connect(world.owner) as reading, psycopg.connect(world.owner, autocommit=True) as owner:
        reading.execute(f"SELECT * FROM {SCHEMA}.logs")
        days = LogDays(owner, SCHEMA, DAY_MS)
        days.keep(now + 10 * DAY_MS)
        assert tables(world) == {table_of(now // DAY_MS): 1}
        reading.rollback()
        days.keep(now + 10 * DAY_MS)
        assert tables(world) == {}
