"""What a schedule must be like. Clients and the command line ask before they send, the shard when it decides."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import msgspec

from headrace.contracts.schedule_events import ScheduleSpec

SCHEDULE_ID = re.compile(r"[A-Za-z0-9._:@=+-]{1,160}")
"""As the ids of workflows, but for 40 characters that the time takes."""
OVERLAPS = ("skip", "queue", "cancel", "allow")
BACKFILL_OVERLAPS = ("queue", "allow")
SHORTEST_EVERY_MS = 1_000
"""The time in a workflow's id is in seconds."""
SHORTEST_CATCH_UP_MS = 10_000
"""A shard that changes its owner may be away for seconds: with less, a start would be lost by that."""
LONGEST_MS = 3_660 * 86_400_000
"""Ten years: an interval, a jitter or a catch-up window beyond that is a mistake in the unit."""
_SOME_DAY = datetime(2024, 1, 1, tzinfo=UTC)
_NAMED = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


class InvalidSchedule(ValueError):
    """The schedule cannot be. The text says what was expected, what was found, and what to do."""


class NeverFires(InvalidSchedule):
    """The schedule would never start anything."""


def check_schedule(schedule_id: str, spec: ScheduleSpec, now_ms: int, input_bytes: int) -> None:
    """Check a schedule.

    Raises:
        NeverFires: none of its times is in the next fifty years.
        InvalidSchedule: anything else in it does not fit.
    """
    if not SCHEDULE_ID.fullmatch(schedule_id):
        raise InvalidSchedule(f"Expected a schedule's id like {SCHEDULE_ID.pattern}, but found {schedule_id[:250]!r}")
    if not spec.name:
        raise InvalidSchedule("Expected the name of the workflow to start, but it is empty")
    check_overlap(spec.overlap)
    if len(spec.input) > input_bytes:
        raise InvalidSchedule(
            f"Expected a schedule's input of at most {input_bytes} bytes, but it has {len(spec.input)}; "
            "pass a reference"
        )
    if spec.content_type == "application/json":
        try:
            msgspec.json.decode(spec.input)
        except (msgspec.DecodeError, RecursionError) as error:
            raise InvalidSchedule(f"Expected JSON as input, but {error}") from error
    for name, least in (("jitter_ms", 0), ("offset_ms", 0), ("catch_up_ms", SHORTEST_CATCH_UP_MS)):
        if not least <= getattr(spec, name) <= LONGEST_MS:
            raise InvalidSchedule(f"Expected {name} from {least} to {LONGEST_MS}, but found {getattr(spec, name)}")
    _check_times(spec, now_ms)


def check_overlap(overlap: str, allowed: tuple[str, ...] = OVERLAPS) -> None:
    """Check an overlap policy.

    Raises:
        InvalidSchedule: there is none of this name.
    """
    if overlap not in allowed:
        raise InvalidSchedule(
            f"Expected overlap to be {', '.join(allowed[:-1])} or {allowed[-1]}, but found {overlap!r}"
        )


def cron_fields(text: str) -> str:
    """Return five cron fields, written with single spaces; names like @daily become the fields that they stand for."""
    return " ".join(_NAMED.get(text.strip().lower(), text).split())


def _check_times(spec: ScheduleSpec, now_ms: int) -> None:
    if bool(spec.cron) == bool(spec.every_ms):
        found = "both" if spec.cron else "neither"
        raise InvalidSchedule(f"Expected either cron fields or an interval, but found {found}")
    if spec.cron:
        _check_cron(spec, now_ms)
    elif not (SHORTEST_EVERY_MS <= spec.every_ms <= LONGEST_MS) or spec.every_ms % 1000 or spec.offset_ms % 1000:
        raise InvalidSchedule(
            f"Expected an interval of whole seconds from 1 second to ten years, but found {spec.every_ms} ms "
            f"with an offset of {spec.offset_ms} ms"
        )
    elif spec.offset_ms >= spec.every_ms:
        raise InvalidSchedule(
            f"Expected an offset within the interval of {spec.every_ms} ms, but found {spec.offset_ms} ms"
        )


def _check_cron(spec: ScheduleSpec, now_ms: int) -> None:
    from cronsim import CronSimError

    from headrace.engine.schedules import times

    if spec.offset_ms:
        raise InvalidSchedule("Expected an offset with an interval only, but found one with cron fields")
    try:
        times.zone_of(spec.timezone)
    except (KeyError, ValueError, OSError) as error:
        raise InvalidSchedule(f"Expected an IANA time zone like Europe/Berlin, but found {spec.timezone!r}") from error
    if len(spec.cron.split()) != 5 or len(spec.cron) > 500:
        raise InvalidSchedule(
            f"Expected five cron fields (minute hour day-of-month month day-of-week), but found {spec.cron[:500]!r}"
        )
    try:
        found = times.next_after(spec, now_ms)
    except CronSimError as error:
        if _day_never_comes(spec):
            raise _never(spec) from error
        raise InvalidSchedule(f"Expected cron fields, but found {spec.cron!r}: {error}") from error
    if not found:
        raise _never(spec)


def _never(spec: ScheduleSpec) -> NeverFires:
    return NeverFires(
        f"Expected cron fields that some day fits, but {spec.cron!r} fits none in the next fifty years; change them"
    )


def _day_never_comes(spec: ScheduleSpec) -> bool:
    """Tell whether all fields can be read, but no month that is meant has the day: the library refuses these itself."""
    from cronsim import CronSim, CronSimError

    fields = spec.cron.split()
    try:
        CronSim(" ".join([*fields[:3], "*", fields[4]]), _SOME_DAY)
        CronSim(" ".join([*fields[:2], "*", *fields[3:]]), _SOME_DAY)
    except CronSimError:
        return False
    return True
