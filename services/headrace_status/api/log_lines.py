"""Lines of log: of one workflow in order, or of everything, the latest first; with filters that both share."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from headrace_status.api import listings, lists, openapi
from headrace_status.api.context import Fresh
from headrace_status.api.lists import ListQuery
from headrace_status.api.problems import bad_request
from headrace_status.api.where import BadExpression, parse_time

router = APIRouter(tags=["logs"])
PARAMETERS = ("from", "to", "node", "text", "service", "level", "source")
LEVELS = ("debug", "info", "warning", "error", "critical", "output")
Conditions = list[tuple[str, Any]]


class LogQuery:
    """The filters of log lines, as conditions over the view `logs`.

    Raises:
        Problem: one of them does not fit.
    """

    def __init__(
        self,
        first: Annotated[str, Query(alias="from", description="Only lines from this time on (ISO 8601).")] = "",
        last: Annotated[str, Query(alias="to", description="Only lines before this time (ISO 8601).")] = "",
        node: Annotated[str, Query(description="Only lines of this node's tasks.")] = "",
        text: Annotated[str, Query(description="Only lines that contain this, in any case of letters.")] = "",
        service: Annotated[str, Query(description="Only lines that this service shipped.")] = "",
        level: Annotated[str, Query(description=f"Only these, separated by commas: {', '.join(LEVELS)}.")] = "",
        source: Annotated[str, Query(description="Only lines of this worker or process.")] = "",
    ) -> None:
        times = [_time(name, text) for name, text in (("from", first), ("to", last))]
        if times[0] is not None and times[1] is not None and times[0] >= times[1]:
            raise bad_request(f"Expected from to be before to, but found from {first} and to {last}")
        self.conditions: Conditions = [
            (f"at_ms {sign} %s", time) for sign, time in zip((">=", "<"), times, strict=True) if time is not None
        ]
        for column, value in (("node", node), ("service", service), ("source", source)):
            if value:
                self.conditions.append((f"{column} = %s", value))
        if text:
            self.conditions.append(("strpos(lower(message), lower(%s)) > 0", text))
        if level:
            self.conditions.append(("level = ANY(%s)", _levels(level)))


Filters = Annotated[LogQuery, Depends()]


@router.get("/logs", responses=openapi.page_responses(listings.LATEST_LOGS))
async def list_logs(
    request: Request,
    here: Fresh,
    query: Annotated[ListQuery, Depends()],
    filters: Filters,
    workflow: Annotated[str, Query(description="Only lines about this workflow id.")] = "",
) -> Response:
    """List what all tasks and services logged and printed, the latest first."""
    lists.known_parameters(request, *PARAMETERS, "workflow")
    fixed = {"workflow_id": workflow} if workflow else {}
    rows, cursor = await lists.read_page(
        here.pool, listings.LATEST_LOGS, query, here.limits, fixed=fixed, conditions=filters.conditions
    )
    items = [lists.item(listings.LATEST_LOGS, row) for row in rows]
    return here.answer({"items": items, "next_cursor": cursor})


def _time(name: str, text: str) -> int | None:
    if not text:
        return None
    try:
        return int(parse_time(text).timestamp() * 1000)
    except (BadExpression, OverflowError) as error:
        raise bad_request(f"{name}: {error}") from None


def _levels(text: str) -> list[str]:
    asked = [word.strip().lower() for word in text.split(",") if word.strip()]
    unknown = [word for word in asked if word not in LEVELS]
    if unknown:
        raise bad_request(f"Expected levels among {', '.join(LEVELS)}, but found {', '.join(unknown)}")
    return asked
