"""When a schedule's times are: cron fields in a time zone, or an interval counted from the epoch.

Where a zone's clock is turned, cron fields mean what they mean to Debian's cron (`cron(8)`): fields with a fixed minute
and hour have one start a day, at the first moment after the gap where their time does not exist, at the first of the
two where it exists twice; fields with a `*` go by the time that really passes.

What a zone is stands in a table that changes over the years. So these functions are for deciding only: what they return
is recorded, and no replay asks them again.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from hashlib import blake2b
from zoneinfo import ZoneInfo

from cronsim import CronSim

from headrace.contracts.schedule_events import ScheduleSpec

_MINUTE_MS = 60_000
LATEST_MS = 32_503_680_000_000
"""The year 3000: times beyond it are none."""


def zone_of(name: str) -> tzinfo:
    """Return a time zone by its IANA name.

    Raises:
        KeyError: there is none of this name.
        ValueError: it cannot be a name.
    """
    return UTC if name == "UTC" else ZoneInfo(name)


def times_after(spec: ScheduleSpec, after_ms: int) -> Iterator[int]:
    """Yield the times of a schedule that come after a time, in ms since the epoch; none when there are no more."""
    if spec.every_ms:
        time_ms = (after_ms - spec.offset_ms) // spec.every_ms * spec.every_ms + spec.offset_ms + spec.every_ms
        while time_ms < LATEST_MS:
            yield time_ms
            time_ms += spec.every_ms
        return
    zone = zone_of(spec.timezone)
    last_ms = after_ms
    for time in CronSim(spec.cron, datetime.fromtimestamp(after_ms // 1000, zone)):
        time_ms = int(time.timestamp()) * 1000
        if time_ms >= LATEST_MS:
            return
        # Begun within the hour that there is twice, cron fields may give its first half again.
        if time_ms > last_ms:
            yield time_ms
            last_ms = time_ms


def next_after(spec: ScheduleSpec, after_ms: int) -> int:
    """Return the first time after a time, in ms since the epoch; 0 when there is none."""
    return next(times_after(spec, after_ms), 0)


def last_by(spec: ScheduleSpec, first_ms: int, by_ms: int) -> int:
    """Return the last time that is not after `by_ms`; `first_ms`, which is one, when no other is."""
    back_ms = _MINUTE_MS
    while by_ms - back_ms > first_ms:
        found = next_after(spec, by_ms - back_ms)
        if 0 < found <= by_ms:
            return _last(spec, found, by_ms)
        back_ms *= 4
    return _last(spec, first_ms, by_ms)


def due_at(schedule_id: str, spec: ScheduleSpec, time_ms: int) -> int:
    """Return when a time is due: with a jitter that is always the same for the same schedule and time."""
    if not spec.jitter_ms or not time_ms:
        return time_ms
    digest = blake2b(f"{schedule_id}\0{time_ms}".encode(), digest_size=8).digest()
    return time_ms + int.from_bytes(digest, "big") % (spec.jitter_ms + 1)


def workflow_id_of(schedule_id: str, time_ms: int) -> str:
    """Return the id of the workflow that a schedule starts for a time: `SCHEDULE-20261121T020000Z`."""
    return f"{schedule_id}-{datetime.fromtimestamp(time_ms // 1000, UTC):%Y%m%dT%H%M%SZ}"


def triggered_id_of(schedule_id: str, time_ms: int, command_id: str) -> str:
    """Return the id of a workflow that was started by hand: many may be within one second."""
    return f"{workflow_id_of(schedule_id, time_ms)}-{blake2b(command_id.encode(), digest_size=4).hexdigest()}"


def _last(spec: ScheduleSpec, first_ms: int, by_ms: int) -> int:
    last = first_ms
    for time_ms in times_after(spec, first_ms):
        if time_ms > by_ms:
            break
        last = time_ms
    return last
