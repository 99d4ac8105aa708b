"""Reads one page of a list: filters, the sort key to go on from, and one item more than asked, to know whether there
are more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from fastapi import Query, Request

from headrace.runtime.status_settings import StatusSettings
from headrace_status.api import cursors
from headrace_status.api.listings import Listing
from headrace_status.api.pool import Pool, Row
from headrace_status.api.problems import bad_request
from headrace_status.api.where import BadExpression, compile_where, parse_time

PARAMETERS = frozenset(
    {"status", "name", "started_after", "started_before", "where", "limit", "cursor", "after", "timeout"}
)


class ListQuery:
    """The parameters that all lists share."""

    def __init__(
        self,
        status: Annotated[str, Query(description="Only these statuses, separated by commas.")] = "",
        name: Annotated[str, Query(description="Only items of this name.")] = "",
        started_after: Annotated[str, Query(description="Only items from this time on (ISO 8601).")] = "",
        started_before: Annotated[str, Query(description="Only items before this time (ISO 8601).")] = "",
        where: Annotated[str, Query(description="A filter such as: name = 'census' and attempt > 1")] = "",
        limit: Annotated[int | None, Query(description="Items of a page.", ge=1)] = None,
        cursor: Annotated[str, Query(description="next_cursor of the page before.")] = "",
    ) -> None:
        self.status, self.name, self.where, self.limit, self.cursor = status, name, where, limit, cursor
        self.started_after, self.started_before = started_after, started_before


def known_parameters(request: Request, *more: str) -> None:
    """Refuse a parameter that would be ignored: a filter with a typing error would show everything.

    Raises:
        Problem: naming what is known.
    """
    unknown = sorted(set(request.query_params) - PARAMETERS - set(more))
    if unknown:
        raise bad_request(
            f"Expected parameters among {', '.join(sorted(PARAMETERS | set(more)))}, but found {', '.join(unknown)}"
        )


async def read_page(
    pool: Pool,
    listing: Listing,
    query: ListQuery,
    limits: StatusSettings,
    *,
    fixed: Mapping[str, Any] | None = None,
    source: str = "",
    source_values: Sequence[Any] = (),
    conditions: Sequence[tuple[str, Any]] = (),
) -> tuple[list[Row], str | None]:
    """Return the rows of one page and the cursor of the next; `fixed` are columns that must have a value, `source` a
    query with its values to read from instead of the view, `conditions` more SQL, each with its value.

    Raises:
        Problem: a parameter does not fit this list.
    """
    found, values = _filters(listing, query, fixed or {})
    found += [condition for condition, _ in conditions]
    values += [value for _, value in conditions]
    if query.cursor:
        key = cursors.decode(listing.name, query.cursor, list(listing.key_kinds))
        order = ", ".join(f'"{column}"' for column in listing.order)
        found.append(f"({order}) {'<' if listing.descending else '>'} ({', '.join(['%s'] * len(key))})")
        values += key
    limit = min(query.limit or limits.page_items, limits.page_items_max)
    direction = "DESC" if listing.descending else "ASC"
    order = ", ".join(f'"{column}" {direction}' for column in listing.order)
    columns = ", ".join(f'"{column}"' for column in listing.columns)
    where = f" WHERE {' AND '.join(found)}" if found else ""
    rows = await pool.rows(
        f"SELECT {columns} FROM {source or listing.name}{where} ORDER BY {order} LIMIT %s",
        [*source_values, *values, limit + 1],
    )
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1]
    return rows[:limit], cursors.encode(listing.name, [last[column] for column in listing.order])


def item(listing: Listing, row: Row) -> Row:
    """Return what is shown of a row."""
    return {field: row[field] for field in listing.shown}


def shorten(row: Row, limit: int) -> Row:
    """Replace large payloads by a mark, as lists do."""
    for field in ("input", "output", "data"):
        value = row.get(field)
        if isinstance(value, msgspec.Raw) and len(bytes(value)) > limit:
            row[field] = {"$truncated": True, "bytes": row.get(f"{field}_bytes")}
    return row


def _filters(listing: Listing, query: ListQuery, fixed: Mapping[str, Any]) -> tuple[list[str], list[Any]]:
    conditions = [f'"{column}" = %s' for column in fixed]
    values: list[Any] = list(fixed.values())
    if query.status:
        conditions.append("status = ANY(%s)")
        values.append(_statuses(listing, query.status))
    if query.name:
        conditions.append(f'"{listing.name_field}" = %s')
        values.append(query.name)
    try:
        for text, sign in ((query.started_after, ">="), (query.started_before, "<")):
            if text:
                _time_field(listing)
                conditions.append(f'"{listing.time}" {sign} %s')
                values.append(parse_time(text))
        if query.where:
            compiled = compile_where(query.where, listing.fields)
            conditions.append(compiled.sql)
            values += compiled.values
    except BadExpression as error:
        raise bad_request(str(error)) from None
    return conditions, values


def _time_field(listing: Listing) -> None:
    if not listing.time:
        raise bad_request(f"Expected no started_after or started_before for {listing.name}, which have no such time")


def _statuses(listing: Listing, text: str) -> list[str]:
    if not listing.statuses:
        raise bad_request(f"Expected no status for {listing.name}, which have none")
    asked = [word.strip().upper() for word in text.split(",") if word.strip()]
    unknown = [word for word in asked if word not in listing.statuses]
    if unknown:
        raise bad_request(f"Expected a status among {', '.join(listing.statuses)}, but found {', '.join(unknown)}")
    return asked
