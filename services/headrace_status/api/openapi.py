"""The answers in OpenAPI, made from what the views' columns mean."""

from __future__ import annotations

from typing import Any

from headrace_status.api.listings import Listing
from headrace_status.api.problems import MEDIA_TYPE

_TYPES: dict[str, dict[str, Any]] = {
    "text": {"type": ["string", "null"]},
    "number": {"type": ["integer", "null"]},
    "bool": {"type": "boolean"},
    "time": {"type": ["string", "null"], "format": "date-time"},
    "json": {},
    "object": {"type": ["object", "null"]},
}
_LAG = {"type": "integer", "description": "How far the answer may be behind the log, in ms."}
_PROBLEM = {
    "type": "object",
    "properties": {
        name: {"type": kind}
        for name, kind in {"type": "string", "title": "string", "status": "integer", "detail": "string"}.items()
    },
}


def item_schema(listing: Listing, more: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the schema of one item."""
    docs = listing.docs()
    fields = {name: {**_TYPES[listing.fields[name]], "description": docs[name]} for name in listing.shown}
    return {"type": "object", "properties": {**fields, **(more or {})}}


def page_responses(listing: Listing, more: dict[str, Any] | None = None) -> dict[int | str, dict[str, Any]]:
    """Return the responses of a list."""
    page = {
        "type": "object",
        "properties": {
            "items": {"type": "array", "items": item_schema(listing, more)},
            "next_cursor": {"type": ["string", "null"]},
            "lag_ms": _LAG,
        },
    }
    return {
        200: _json(f"A page of {listing.name}.", page),
        400: problem("A parameter does not fit."),
        504: problem("Not fresh enough in time."),
    }


def one_responses(schema: dict[str, Any], text: str) -> dict[int | str, dict[str, Any]]:
    """Return the responses of a request for one thing."""
    fields = {**schema, "properties": {**schema.get("properties", {}), "lag_ms": _LAG}}
    return {
        200: _json(text, fields),
        404: problem("There is no such workflow."),
        504: problem("Not fresh enough in time."),
    }


def problem(text: str) -> dict[str, Any]:
    """Return the response of an error."""
    return {"description": text, "content": {MEDIA_TYPE: {"schema": _PROBLEM}}}


def _json(text: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": text, "content": {"application/json": {"schema": schema}}}
