"""Schedules: the list, one of them with its next times and last runs, what it has started, and its history."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response

from headrace.contracts.schedule_events import ScheduleSpec
from headrace.engine.schedules.times import times_after
from headrace_status.api import listings, lists, openapi, records
from headrace_status.api.context import Context, Fresh
from headrace_status.api.lists import ListQuery
from headrace_status.api.pool import Row
from headrace_status.api.problems import Problem
from headrace_status.fold.history import SCHEDULE

router = APIRouter(tags=["schedules"])
Id = Annotated[str, Path(description="Id of the schedule.")]
Page = Annotated[ListQuery, Depends()]
# What one looks at before asking for more of it.
NEXT_TIMES = 5
LAST_RUNS = 10
_REFUSALS = """
SELECT command_id, command, error, cause, at FROM refusals
WHERE workflow_id = %s AND command LIKE '%%Schedule' ORDER BY at DESC LIMIT 10
"""
_PROPERTIES: dict[str, Any] = {
    "next_times": {
        "type": "array",
        "description": "Its next times, from now on; none while it is paused.",
        "items": {"type": "string", "format": "date-time"},
    },
    "last_runs": {
        "type": "array",
        "description": "What it has started last, the latest time first.",
        "items": openapi.item_schema(listings.SCHEDULE_RUNS),
    },
    "refusals": {"type": "array", "description": "Commands to it that were refused.", "items": {"type": "object"}},
}


@router.get("/schedules", responses=openapi.page_responses(listings.SCHEDULES))
async def list_schedules(request: Request, here: Fresh, query: Page) -> Response:
    """List schedules. `name` is that of the definition that they start."""
    lists.known_parameters(request)
    rows, cursor = await lists.read_page(here.pool, listings.SCHEDULES, query, here.limits)
    items = [lists.shorten(lists.item(listings.SCHEDULES, row), here.limits.list_payload_bytes) for row in rows]
    return here.answer({"items": items, "next_cursor": cursor})


@router.get("/schedules/{id}/runs", responses=openapi.page_responses(listings.SCHEDULE_RUNS))
async def list_runs(
    request: Request,
    here: Fresh,
    id: Id,  # noqa: A002  the name in the path
    query: Page,
) -> Response:
    """List what a schedule has started, or means to start, the latest time first; of a deleted schedule, too."""
    lists.known_parameters(request)
    rows, cursor = await lists.read_page(
        here.pool, listings.SCHEDULE_RUNS, query, here.limits, fixed={"schedule_id": id}
    )
    if not rows and not query.cursor:
        await _find(here, id)
    return here.answer({"items": [lists.item(listings.SCHEDULE_RUNS, row) for row in rows], "next_cursor": cursor})


@router.get("/schedules/{id}/history", responses=openapi.page_responses(listings.HISTORY))
async def list_history(
    request: Request,
    here: Fresh,
    id: Id,  # noqa: A002  the name in the path
    query: Page,
) -> Response:
    """List the events of a schedule, in order; of a deleted one, too."""
    lists.known_parameters(request)
    rows, cursor = await lists.read_page(
        here.pool, listings.HISTORY, query, here.limits, fixed={"workflow_id": f"{SCHEDULE}{id}"}
    )
    if not rows and not query.cursor:
        await _find(here, id)
    items = [
        lists.item(listings.HISTORY, row) | {"detail": records.short(row["detail"], here.limits.list_payload_bytes)}
        for row in rows
    ]
    return here.answer({"items": items, "next_cursor": cursor})


@router.get(
    "/schedules/{id}",
    responses=openapi.one_responses(openapi.item_schema(listings.SCHEDULES, _PROPERTIES), "A schedule."),
)
async def get_schedule(request: Request, here: Fresh, id: Id) -> Response:  # noqa: A002  the name in the path
    """Show a schedule, with its next times and its last runs."""
    lists.known_parameters(request)
    row = await _find(here, id)
    columns = ", ".join(f'"{column}"' for column in listings.SCHEDULE_RUNS.shown)
    runs = await here.pool.rows(
        f"SELECT {columns} FROM schedule_runs WHERE schedule_id = %s"
        " ORDER BY scheduled_at_ms DESC, workflow_id DESC LIMIT %s",
        [id, LAST_RUNS],
    )
    found = lists.item(listings.SCHEDULES, row)
    refusals = await here.pool.rows(_REFUSALS, [id])
    return here.answer({**found, "next_times": _next_times(found), "last_runs": runs, "refusals": refusals})


async def _find(here: Context, schedule_id: str) -> Row:
    columns = ", ".join(f'"{column}"' for column in listings.SCHEDULES.shown)
    rows = await here.pool.rows(f"SELECT {columns} FROM schedules WHERE id = %s", [schedule_id])
    if not rows:
        raise Problem(
            HTTPStatus.NOT_FOUND,
            f"Expected a schedule {schedule_id}, but the read model knows none; it may have been deleted",
            lag_ms=here.board.lag_ms(),
        )
    return rows[0]


def _next_times(row: Row) -> list[str]:
    """Return the next times of a schedule, the one that its shard waits for first."""
    if row["paused"] or row["next_at"] is None:
        return []
    first_ms = round(datetime.fromisoformat(row["next_at"]).timestamp() * 1000)
    spec = ScheduleSpec(
        cron=row["cron"] or "",
        timezone=row["timezone"] or "UTC",
        every_ms=row["every_ms"] or 0,
        offset_ms=row["offset_ms"] or 0,
        name="",
        input=b"",
    )
    return [_text(time_ms) for time_ms in islice(_from(spec, first_ms), NEXT_TIMES)]


def _from(spec: ScheduleSpec, first_ms: int) -> Iterator[int]:
    yield first_ms
    yield from times_after(spec, max(first_ms, time.time_ns() // 1_000_000))


def _text(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
