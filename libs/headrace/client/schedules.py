"""What callers send to schedules, for both clients; see `headrace.client.control` for `wait` and what is returned."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from headrace.client.commands import JSON, NO_INPUT, name_of
from headrace.client.control import Control
from headrace.client.errors import InvalidStart
from headrace.client.sending import new_id, now_ms
from headrace.contracts.schedule_commands import (
    BackfillSchedule,
    DeleteSchedule,
    PauseSchedule,
    ResumeSchedule,
    SetSchedule,
    TriggerSchedule,
)
from headrace.contracts.schedule_events import ScheduleSpec
from headrace.engine.schedules.check import (
    BACKFILL_OVERLAPS,
    OVERLAPS,
    SCHEDULE_ID,
    InvalidSchedule,
    check_overlap,
    check_schedule,
    cron_fields,
)

Sent = TypeVar("Sent")
Length = str | float | timedelta
"""A duration: text such as `5m`, a number of seconds, or a `timedelta`."""
Moment = str | datetime
"""A time: ISO 8601 text, or a `datetime`; without a zone it is UTC."""


class ScheduleControl(Control[Sent]):
    """The commands of a client to schedules, beside those to workflows.

    Whatever does not fit, a schedule that would never start anything included, raises `InvalidStart`, and nothing is
    sent.
    """

    def set_schedule(
        self,
        schedule_id: str,
        workflow: Any,
        *,
        cron: str = "",
        every: Length = 0,
        offset: Length = 0,
        timezone: str = "UTC",
        jitter: Length = 0,
        overlap: str = "skip",
        catch_up: Length = "7d",
        input: Any = NO_INPUT,
        content_type: str = JSON,
        version: str = "",
        key: str = "",
        paused: bool = False,
        wait: bool = False,
    ) -> Sent:
        """Make a schedule, or change the one of this id; what it has started goes on.

        Args:
            schedule_id: the schedule's id; the workflows that it starts are called SCHEDULE-20261121T020000Z.
            workflow: a `@workflow` function, or a name, or `name@version`.
            cron: five fields (minute hour day-of-month month day-of-week), or @hourly, @daily, @weekly, @monthly.
            every: an interval instead, counted from 1 January 1970, in whole seconds.
            offset: how far into each interval.
            timezone: IANA name of the zone that the fields are read in.
            jitter: each start is late by a part of this, always the same for the same time.
            overlap: while one that it started still runs: `skip`, `queue`, `cancel` (that one) or `allow`.
            catch_up: how late a time that was missed may still be started.
            input: of each workflow: any value that can travel (or bytes of another `content_type`).
            content_type: of an input that is bytes.
            version: of the definition; the latest at each start unless given.
            key: its runs see each other's last result.
            paused: a new schedule begins paused.
            wait: until it is decided; raises `CommandRefused` when it was refused.
        """
        name, named_version = name_of(workflow)
        spec = ScheduleSpec(
            cron=cron_fields(cron),
            every_ms=_ms(every, "every"),
            offset_ms=_ms(offset, "offset"),
            timezone=timezone,
            jitter_ms=_ms(jitter, "jitter"),
            overlap=overlap,
            catch_up_ms=_ms(catch_up, "catch_up"),
            name=name,
            version=version or named_version,
            input=self._payload(input),
            content_type=content_type,
            key=key,
        )
        try:
            check_schedule(schedule_id, spec, now_ms(), self.settings.payload_limit_bytes)
        except InvalidSchedule as error:
            raise InvalidStart(str(error)) from error
        return self.send(SetSchedule(**_head(schedule_id), spec=spec, paused=paused), wait=wait)

    def delete_schedule(self, schedule_id: str, *, wait: bool = False) -> Sent:
        """Delete a schedule; what it has started goes on."""
        return self.send(DeleteSchedule(**_head(schedule_id)), wait=wait)

    def pause_schedule(self, schedule_id: str, reason: str = "", *, wait: bool = False) -> Sent:
        """Let a schedule start nothing by itself."""
        return self.send(PauseSchedule(**_head(schedule_id), reason=reason), wait=wait)

    def resume_schedule(self, schedule_id: str, reason: str = "", *, wait: bool = False) -> Sent:
        """Let a paused schedule go on with its next time; what it missed is not made up for."""
        return self.send(ResumeSchedule(**_head(schedule_id), reason=reason), wait=wait)

    def trigger_schedule(
        self, schedule_id: str, *, overlap: str = "", command_id: str = "", wait: bool = False
    ) -> Sent:
        """Start a schedule's workflow now, paused or not. The schedule's overlap policy holds unless one is given. The
        same `command_id` is the same start.
        """
        if overlap:
            _checked(overlap, OVERLAPS)
        return self.send(TriggerSchedule(**_head(schedule_id, command_id), overlap=overlap), wait=wait)

    def backfill_schedule(
        self,
        schedule_id: str,
        start: Moment,
        end: Moment | None = None,
        *,
        overlap: str = "queue",
        wait: bool = False,
    ) -> Sent:
        """Start what a schedule would have started from `start` on and before `end` (now unless given): one after the
        other (`queue`), or all at once (`allow`). Times whose workflows exist are left out.
        """
        _checked(overlap, BACKFILL_OVERLAPS)
        from_at, until_at = _moment(start), now_ms() if end is None else _moment(end)
        if from_at >= until_at:
            raise InvalidStart(f"Expected a backfill that begins before it ends, but found {start} to {end or 'now'}")
        command = BackfillSchedule(**_head(schedule_id), from_at=from_at, until_at=until_at, overlap=overlap)
        return self.send(command, wait=wait)


def _head(schedule_id: str, command_id: str = "") -> dict[str, Any]:
    if not SCHEDULE_ID.fullmatch(schedule_id):
        raise InvalidStart(f"Expected a schedule's id like {SCHEDULE_ID.pattern}, but found {schedule_id[:80]!r}")
    return {"command_id": command_id or new_id(), "workflow_id": schedule_id, "issued_at": now_ms()}


def _checked(overlap: str, allowed: tuple[str, ...]) -> None:
    try:
        check_overlap(overlap, allowed)
    except InvalidSchedule as error:
        raise InvalidStart(str(error)) from error


def _ms(length: Length, what: str) -> int:
    """Return a duration in ms."""
    # What reads graphs takes its time to import, and only few callers set schedules.
    from headrace.engine.graph.durations import parse_duration

    try:
        if isinstance(length, str):
            return parse_duration(length)
        seconds = length.total_seconds() if isinstance(length, timedelta) else float(length)
        return round(seconds * 1000)
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidStart(f"{what}: {error}") from error


def _moment(moment: Moment) -> int:
    """Return a time in ms since the epoch."""
    try:
        found = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
        return round((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, AttributeError, OverflowError) as error:
        raise InvalidStart(f"Expected a time such as 2026-11-01T00:00:00Z, but found {moment!r}: {error}") from error
