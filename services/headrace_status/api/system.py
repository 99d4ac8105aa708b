"""Everything that is not one workflow: definitions, queues, workers, resources, listeners, figures, lag."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from headrace.shard.ports import Bounds, LogAway, PositionLost, TopicPartition
from headrace_status.api import listings, lists, openapi
from headrace_status.api.context import Context, Fresh, context
from headrace_status.api.listings import Listing
from headrace_status.api.lists import ListQuery
from headrace_status.api.problems import bad_request

router = APIRouter(tags=["system"])
Page = Annotated[ListQuery, Depends()]
# Tasks may name no dataset; a sort key has no nulls.
_KEYS = ", ".join(f"COALESCE({name}, '') AS {name}_key" for name in ("name", "version", "node", "task", "dataset"))
_IO_FILTERS = ("task", "dataset", "version", "node", "kind")


@router.get("/definitions", responses=openapi.page_responses(listings.DEFINITIONS))
async def list_definitions(request: Request, here: Fresh, query: Page) -> Response:
    """List every version of every definition."""
    return await _list(request, here, query, listings.DEFINITIONS)


@router.get("/queues", responses=openapi.page_responses(listings.QUEUES))
async def list_queues(request: Request, here: Fresh, query: Page) -> Response:
    """List queues with how many tasks wait and run, how long the oldest has waited, limits, fullness and canaries."""
    lists.known_parameters(request)
    rows, cursor = await lists.read_page(here.pool, listings.QUEUES, query, here.limits)
    return here.answer(
        {
            "items": [{**row, "oldest_wait_ms": _age_ms(row["oldest_scheduled_at"])} for row in rows],
            "next_cursor": cursor,
        }
    )


@router.get("/workers", responses=openapi.page_responses(listings.WORKERS))
async def list_workers(request: Request, here: Fresh, query: Page) -> Response:
    """List workers with their slots, what they run, and what was last heard of them."""
    lists.known_parameters(request)
    rows, cursor = await lists.read_page(here.pool, listings.WORKERS, query, here.limits)
    events = await here.pool.rows(
        "SELECT detail ->> 'worker' AS worker, at, type, detail ->> 'reason' AS reason FROM history"
        " WHERE workflow_id = '' AND source = 1 AND type LIKE 'Worker%%' AND detail ->> 'worker' = ANY(%s)"
        " ORDER BY at_ms DESC LIMIT 200",
        [[row["name"] for row in rows]],
    )
    last: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        found = last.setdefault(event.pop("worker"), [])
        if len(found) < 5:  # a look at a worker's recent life; the history has all of it
            found.append(event)
    items = [{**lists.item(listings.WORKERS, row), "events": last.get(row["name"], [])} for row in rows]
    return here.answer({"items": items, "next_cursor": cursor})


@router.get("/resources", responses=openapi.page_responses(listings.RESOURCES))
async def list_resources(request: Request, here: Fresh, query: Page) -> Response:
    """List shared resources with who holds them."""
    return await _list(request, here, query, listings.RESOURCES)


@router.get("/listeners", responses=openapi.page_responses(listings.LISTENERS))
async def list_listeners(request: Request, here: Fresh, query: Page) -> Response:
    """List listeners, triggers and the relay."""
    return await _list(request, here, query, listings.LISTENERS)


class IoQuery:
    """The filters of figures of input and output, beside `name`, which is that of the workflow's definition."""

    def __init__(
        self,
        task: Annotated[str, Query(description="Only this task.")] = "",
        dataset: Annotated[str, Query(description="Only this dataset.")] = "",
        version: Annotated[str, Query(description="Only this version of the workflow's definition.")] = "",
        node: Annotated[str, Query(description="Only this node.")] = "",
        kind: Annotated[str, Query(description="dataset (what tasks said) or payload (sizes); both by default.")] = "",
    ) -> None:
        if kind not in ("", "dataset", "payload"):
            raise bad_request(f"Expected kind to be dataset or payload, but found {kind!r}")
        asked = zip(_IO_FILTERS, (task, dataset, version, node, kind), strict=True)
        self.conditions = [(f"{column} = %s", value) for column, value in asked if value]


@router.get("/stats/io", responses=openapi.page_responses(listings.IO_STATS))
async def list_io(request: Request, here: Fresh, query: Page, filters: Annotated[IoQuery, Depends()]) -> Response:
    """List what tasks read and wrote, over all runs: sums, and mean, least, greatest and last value of a run."""
    return await _io(request, here, query, filters, listings.IO_STATS)


@router.get("/stats/io/runs", responses=openapi.page_responses(listings.IO_RUNS))
async def list_io_runs(request: Request, here: Fresh, query: Page, filters: Annotated[IoQuery, Depends()]) -> Response:
    """List what tasks read and wrote run by run, the latest first: the trend."""
    return await _io(request, here, query, filters, listings.IO_RUNS)


async def _io(request: Request, here: Context, query: ListQuery, filters: IoQuery, listing: Listing) -> Response:
    lists.known_parameters(request, *_IO_FILTERS)
    rows, cursor = await lists.read_page(
        here.pool,
        listing,
        query,
        here.limits,
        source=f"(SELECT *, {_KEYS} FROM {listing.name}) AS {listing.name}",
        conditions=filters.conditions,
    )
    return here.answer({"items": [lists.item(listing, row) for row in rows], "next_cursor": cursor})


@router.get("/lag", responses=openapi.one_responses({"type": "object"}, "How far behind the log the read model is."))
async def get_lag(here: Annotated[Context, Depends(context)]) -> Response:
    """Show, for every topic partition, the last record in the rows and the end of the log."""
    ends: dict[TopicPartition, Bounds] = {}
    with suppress(LogAway, PositionLost):  # `end` is null then
        ends = await asyncio.to_thread(here.ends)
    items = []
    for where, progress in sorted(here.board.progress().items()):
        end = ends[where].end if where in ends else None
        items.append(
            {
                "topic": where.topic,
                "partition": where.partition,
                "offset": progress.position.offset,
                "end": end,
                "records": None if end is None else max(end - progress.position.next_offset, 0),
            }
        )
    return here.answer({"items": items, "role": here.board.role})


async def _list(request: Request, here: Context, query: ListQuery, listing: Listing) -> Response:
    lists.known_parameters(request)
    rows, cursor = await lists.read_page(here.pool, listing, query, here.limits)
    return here.answer({"items": [lists.item(listing, row) for row in rows], "next_cursor": cursor})


def _age_ms(at: str | None) -> int | None:
    if at is None:
        return None
    return max(int((datetime.now(UTC) - datetime.fromisoformat(at)).total_seconds() * 1000), 0)
