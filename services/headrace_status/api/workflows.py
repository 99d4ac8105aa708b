"""Workflows: the list, one of them, its tasks, history, logs and graph."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from headrace_status.api import graph, listings, lists, log_lines, openapi, records, waiting
from headrace_status.api.context import Context, Fresh
from headrace_status.api.freshness import until
from headrace_status.api.lists import ListQuery
from headrace_status.api.pool import Row
from headrace_status.api.problems import Problem, bad_request

router = APIRouter(tags=["workflows"])
# An id that was refused may hold a slash, and shows all the same.
Id = Annotated[str, Path(description="Id of the workflow.")]
Page = Annotated[ListQuery, Depends()]
_COUNTS: dict[str, Any] = {
    "tasks": {"type": "object", "description": "Tasks by status.", "additionalProperties": {"type": "integer"}}
}
_REFUSALS: dict[str, Any] = {
    "refusals": {"type": "array", "description": "Commands for this id that were refused.", "items": {"type": "object"}}
}
_SHOWN = _COUNTS | _REFUSALS | waiting.PROPERTIES
# Each step counts once, by its latest attempt.
_COUNT_TASKS = """
SELECT workflow_id, status, count(*) AS tasks, array_agg(DISTINCT name) AS names FROM (
  SELECT DISTINCT ON (t.workflow_id, t.step) t.workflow_id, t.status, t.name
  FROM unnest(%s::text[], %s::text[]) AS w (id, run_id) JOIN tasks t ON t.workflow_id = w.id AND t.run_id = w.run_id
  ORDER BY t.workflow_id, t.step, t.attempt DESC
) AS latest GROUP BY workflow_id, status
"""
_ENDED_NODES = """
SELECT n.workflow_id, n.name FROM unnest(%s::text[], %s::text[]) AS w (id, run_id)
JOIN nodes n ON n.workflow_id = w.id AND n.run_id = w.run_id
"""
_LATEST_TASKS = """(
  SELECT DISTINCT ON (workflow_id, run_id, step) * FROM tasks WHERE workflow_id = %s AND run_id = %s
  ORDER BY workflow_id, run_id, step, attempt DESC
) AS tasks"""


@router.get("/workflows", responses=openapi.page_responses(listings.WORKFLOWS, _COUNTS))
async def list_workflows(request: Request, here: Fresh, query: Page) -> Response:
    """List workflows, the latest first."""
    lists.known_parameters(request)
    rows, cursor = await lists.read_page(here.pool, listings.WORKFLOWS, query, here.limits)
    counts = await _counts(here, rows)
    items = [
        {
            **lists.shorten(lists.item(listings.WORKFLOWS, row), here.limits.list_payload_bytes),
            "tasks": counts[row["id"]],
        }
        for row in rows
    ]
    return here.answer({"items": items, "next_cursor": cursor})


@router.get("/workflows/{id:path}/tasks", responses=openapi.page_responses(listings.TASKS))
async def list_tasks(
    request: Request,
    here: Fresh,
    id: Id,  # noqa: A002  the name in the path
    query: Page,
    attempts: Annotated[str, Query(description="latest (the default) or all.")] = "latest",
    run: Annotated[str, Query(description="Another run than the latest.")] = "",
) -> Response:
    """List the tasks of a workflow's latest run: each with its latest attempt, or with all of them."""
    lists.known_parameters(request, "attempts", "run")
    if attempts not in ("latest", "all"):
        raise bad_request(f"Expected attempts to be latest or all, but found {attempts!r}")
    workflow = _existing(here, await _find(here, id), id)
    run_id = run or workflow["run_id"] or ""
    if attempts == "all":
        rows, cursor = await lists.read_page(
            here.pool, listings.TASKS, query, here.limits, fixed={"workflow_id": id, "run_id": run_id}
        )
    else:
        rows, cursor = await lists.read_page(
            here.pool, listings.TASKS, query, here.limits, source=_LATEST_TASKS, source_values=[id, run_id]
        )
    items = [lists.shorten(lists.item(listings.TASKS, row), here.limits.list_payload_bytes) for row in rows]
    return here.answer({"items": items, "next_cursor": cursor})


@router.get("/workflows/{id:path}/published", responses=openapi.page_responses(listings.PUBLISHED))
async def list_published(
    request: Request,
    here: Fresh,
    id: Id,  # noqa: A002  the name in the path
    query: Page,
) -> Response:
    """List what a workflow published, the last of each name; with `name`, whole."""
    lists.known_parameters(request)
    workflow = _existing(here, await _find(here, id), id)
    fixed = {"workflow_id": id, "first_run_id": workflow["first_run_id"] or ""}
    rows, cursor = await lists.read_page(here.pool, listings.PUBLISHED, query, here.limits, fixed=fixed)
    items = [lists.item(listings.PUBLISHED, row) for row in rows]
    if not query.name:
        items = [lists.shorten(each, here.limits.list_payload_bytes) for each in items]
    return here.answer({"items": items, "next_cursor": cursor})


@router.get("/workflows/{id:path}/runs", responses=openapi.page_responses(listings.RUNS))
async def list_runs(request: Request, here: Fresh, id: Id, query: Page) -> Response:  # noqa: A002  the name in the path
    """List the runs of a workflow, the latest first: each start, and each time that a run went on as another."""
    lists.known_parameters(request)
    return await _about(here, id, query, listings.RUNS)


@router.get("/workflows/{id:path}/history", responses=openapi.page_responses(listings.HISTORY))
async def list_history(
    request: Request,
    here: Fresh,
    id: Id,  # noqa: A002  the name in the path
    query: Page,
    payloads: Annotated[str, Query(description="short (the default), or whole: what a replay needs.")] = "short",
) -> Response:
    """List the events of a workflow, of all its runs, in order."""
    lists.known_parameters(request, "payloads")
    if payloads not in ("short", "whole"):
        raise bad_request(f"Expected payloads to be short or whole, but found {payloads!r}")
    rows, cursor = await lists.read_page(here.pool, listings.HISTORY, query, here.limits, fixed={"workflow_id": id})
    if not rows and not query.cursor:
        _existing(here, await _find(here, id), id)
    if payloads == "whole":
        details = await records.whole(here.pool, id, rows)
    else:
        details = [records.short(row["detail"], here.limits.list_payload_bytes) for row in rows]
    items = [lists.item(listings.HISTORY, row) | {"detail": detail} for row, detail in zip(rows, details, strict=True)]
    return here.answer({"items": items, "next_cursor": cursor})


@router.get("/workflows/{id:path}/logs", responses=openapi.page_responses(listings.LOGS))
async def list_logs(
    request: Request,
    here: Fresh,
    id: Id,  # noqa: A002  the name in the path
    query: Page,
    filters: log_lines.Filters,
) -> Response:
    """List what the tasks of a workflow logged and printed, and what services logged about it, in order."""
    lists.known_parameters(request, *log_lines.PARAMETERS)
    return await _about(here, id, query, listings.LOGS, filters.conditions)


@router.get("/workflows/{id:path}/graph", responses=openapi.one_responses({"type": "object"}, "Nodes and edges."))
async def get_graph(request: Request, here: Fresh, id: Id) -> Response:  # noqa: A002  the name in the path
    """Show a workflow as nodes and edges with their states; a Python workflow as the sequence of its steps."""
    lists.known_parameters(request)
    workflow = _existing(here, await _find(here, id), id)
    run_id = workflow["run_id"] or ""
    tasks = await here.pool.rows(f"SELECT * FROM {_LATEST_TASKS} ORDER BY step", [id, run_id])
    ended = await here.pool.rows("SELECT * FROM nodes WHERE workflow_id = %s AND run_id = %s", [id, run_id])
    source = await _source(here, workflow)
    found = graph.graph(
        workflow["program"] or "", source, workflow["status"], tasks, {row["name"]: row for row in ended}
    )
    return here.answer({"id": id, "status": workflow["status"], **found})


@router.get(
    "/workflows/{id:path}",
    responses=openapi.one_responses(openapi.item_schema(listings.WORKFLOWS, _SHOWN), "The workflow."),
)
async def get_workflow(
    request: Request,
    here: Fresh,
    id: Id,  # noqa: A002  the name in the path
    wait: Annotated[
        float, Query(description="Wait up to so many seconds until the workflow is closed, or stuck.", ge=0)
    ] = 0,
) -> Response:
    """Show one workflow; with `wait`, once it is closed or stuck, or as it is when the time is over."""
    lists.known_parameters(request, "wait")

    async def look() -> Row | None:
        return await _find(here, id)

    seconds = min(wait, here.limits.wait_max_ms / 1000)
    row = await until(look, lambda seen: seen is not None and seen["status"] in listings.AT_REST, here.news, seconds)
    row = _existing(here, row, id)
    refusals = await here.pool.rows(
        "SELECT at, command_id, name, error, cause, existing, command FROM refusals WHERE workflow_id = %s "
        "ORDER BY at DESC LIMIT 20",
        [id],
    )
    counts = await _counts(here, [row])
    shown = await waiting.shown(here, row, await _shapes(here, row))
    return here.answer({**lists.item(listings.WORKFLOWS, row), "tasks": counts[id], "refusals": refusals, **shown})


async def _about(
    here: Context,
    workflow_id: str,
    query: ListQuery,
    listing: listings.Listing,
    conditions: log_lines.Conditions | None = None,
) -> Response:
    rows, cursor = await lists.read_page(
        here.pool, listing, query, here.limits, fixed={"workflow_id": workflow_id}, conditions=conditions or ()
    )
    if not rows and not query.cursor:
        _existing(here, await _find(here, workflow_id), workflow_id)
    return here.answer({"items": [lists.item(listing, row) for row in rows], "next_cursor": cursor})


async def _find(here: Context, workflow_id: str) -> Row | None:
    columns = ", ".join(f'"{column}"' for column in listings.WORKFLOWS.columns)
    rows = await here.pool.rows(f"SELECT {columns} FROM workflows WHERE id = %s", [workflow_id])
    return rows[0] if rows else None


def _existing(here: Context, row: Row | None, workflow_id: str) -> Row:
    if row is None:
        lag_ms = here.board.lag_ms()
        raise Problem(
            HTTPStatus.NOT_FOUND,
            f"Expected a workflow with id {workflow_id}, but there is none; the read model is {lag_ms} ms behind "
            f"the log. "
            "?after=POSITION (what start returned) waits until it has caught up",
            lag_ms=lag_ms,
        )
    return row


async def _counts(here: Context, workflows: list[Row]) -> dict[str, dict[str, int]]:
    """Return the number of tasks by status; nodes of a graph that nothing was heard of count as `graph` shows them."""
    counts: dict[str, dict[str, int]] = {row["id"]: {} for row in workflows}
    seen: dict[str, set[str]] = {row["id"]: set() for row in workflows}
    ids, runs = [row["id"] for row in workflows], [row["run_id"] or "" for row in workflows]
    for row in await here.pool.rows(_COUNT_TASKS, [ids, runs]):
        counts[row["workflow_id"]][row["status"]] = row["tasks"]
        seen[row["workflow_id"]].update(row["names"])
    graphs = [row for row in workflows if row["program"] == "graph"]
    if graphs:
        for row in await here.pool.rows(_ENDED_NODES, [ids, runs]):
            seen[row["workflow_id"]].add(row["name"])
    for row in graphs:
        found = counts[row["id"]]
        names = await _shapes(here, row)
        for status, unheard in graph.count_unheard(row["status"], names, seen[row["id"]]).items():
            found[status] = found.get(status, 0) + unheard
    return counts


async def _shapes(here: Context, workflow: Row) -> graph.Shapes:
    key = (workflow["name"], workflow["version"])
    if key not in here.shapes:
        found = graph.declared_shapes(await _source(here, workflow))
        if not found:
            return {}
        if len(here.shapes) >= here.limits.cached_definitions:
            here.shapes.clear()
        here.shapes[key] = found
    return here.shapes[key]


async def _source(here: Context, workflow: Row) -> str:
    """Return a definition's text; empty while the projection has not read it."""
    if workflow["program"] != "graph":
        return ""
    rows = await here.pool.rows(
        "SELECT source FROM definitions WHERE name = %s AND version = %s", [workflow["name"], workflow["version"]]
    )
    return str(rows[0]["source"]) if rows else ""
