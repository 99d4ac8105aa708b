"""What clients send to schedules, and what they refuse to send."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headrace.client.errors import InvalidStart
from headrace.client.schedules import ScheduleControl
from headrace.client.sending import WorkflowCommand
from headrace.contracts.schedule_commands import BackfillSchedule, SetSchedule, TriggerSchedule
from headrace.runtime.settings import Settings


class Sending(ScheduleControl[WorkflowCommand]):
    """Gives back what it is to send."""

    def __init__(self) -> None:
        self.settings = Settings()

    def send(self, command: WorkflowCommand, *, wait: bool = False) -> WorkflowCommand:
        return command


def set_with(**options: Any) -> SetSchedule:
    found = Sending().set_schedule("s", "bill@v1", **options)
    assert isinstance(found, SetSchedule)
    return found


def test_a_schedule_with_all_that_can_be_said() -> None:
    command = set_with(
        cron="@monthly",
        timezone="Europe/Berlin",
        jitter="5m",
        overlap="queue",
        catch_up=timedelta(days=2),
        input={"month": 11},
        key="k",
        paused=True,
    )
    spec = command.spec
    assert (command.workflow_id, command.paused) == ("s", True)
    assert (spec.cron, spec.timezone, spec.every_ms) == ("0 0 1 * *", "Europe/Berlin", 0)
    assert (spec.name, spec.version, spec.input, spec.key) == ("bill", "v1", b'{"month":11}', "k")
    assert (spec.jitter_ms, spec.overlap, spec.catch_up_ms) == (300_000, "queue", 172_800_000)


@pytest.mark.parametrize("every", ["1h30m", 5_400, timedelta(hours=1.5)])
def test_an_interval_in_any_notation(every: Any) -> None:
    assert set_with(every=every, offset="10s").spec.every_ms == 5_400_000


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"cron": "0 0 30 2 *"}, "fits none in the next fifty years"),
        ({"cron": "often"}, "five cron fields"),
        ({}, "neither"),
        ({"cron": "* * * * *", "every": "1h"}, "both"),
        ({"every": "sometimes"}, "every: Expected a duration"),
        ({"every": -5}, "Expected an interval"),
        ({"every": "1s500ms"}, "whole seconds"),
        ({"cron": "* * * * *", "timezone": "Berlin"}, "IANA time zone"),
        ({"cron": "* * * * *", "overlap": "perhaps"}, "skip, queue, cancel or allow"),
        ({"cron": "* * * * *", "input": object()}, "JSON can hold"),
    ],
)
def test_a_schedule_that_cannot_be_is_not_sent(options: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidStart, match=text):
        set_with(**options)


@pytest.mark.parametrize("schedule_id", ["", "a b", "x" * 161])
def test_an_id_that_leaves_no_room_for_the_time_is_not_sent(schedule_id: str) -> None:
    sending = Sending()
    for act in (sending.delete_schedule, sending.pause_schedule, sending.resume_schedule, sending.trigger_schedule):
        with pytest.raises(InvalidStart, match="Expected a schedule's id"):
            act(schedule_id)


def test_a_range_in_any_notation() -> None:
    begin = datetime(2026, 11, 1, tzinfo=UTC)
    for start in (begin, "2026-11-01", "2026-11-01T00:00:00Z", "2026-11-01T01:00:00+01:00", datetime(2026, 11, 1)):  # noqa: DTZ001
        command = Sending().backfill_schedule("s", start, "2026-11-02")
        assert isinstance(command, BackfillSchedule)
        assert (command.from_at, command.until_at) == (1_793_491_200_000, 1_793_577_600_000)


@pytest.mark.parametrize(
    ("start", "end", "overlap", "text"),
    [
        ("2026-11-02", "2026-11-01", "queue", "begins before it ends"),
        ("yesterday", None, "queue", "Expected a time"),
        ("2026-11-01", None, "skip", "queue or allow"),
    ],
)
def test_a_range_that_cannot_be_is_not_sent(start: str, end: str | None, overlap: str, text: str) -> None:
    with pytest.raises(InvalidStart, match=text):
        Sending().backfill_schedule("s", start, end, overlap=overlap)


def test_a_start_by_hand_may_have_an_id_of_its_own() -> None:
    command = Sending().trigger_schedule("s", command_id="mine", overlap="allow")
    assert isinstance(command, TriggerSchedule)
    assert (command.command_id, command.overlap) == ("mine", "allow")
    with pytest.raises(InvalidStart, match="skip, queue"):
        Sending().trigger_schedule("s", overlap="never")
