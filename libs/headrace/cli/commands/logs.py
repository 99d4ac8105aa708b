"""`headrace logs`: what the tasks of a workflow logged and printed, and what services logged about it, by time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from headrace.cli.output import json_option, print_json, text_of

_PAUSE_S = 0.5
# Lines of several machines come in nearly, not quite, in the order of their times.
_OVERLAP = timedelta(seconds=10)
# What a workflow's last lines may be late, once it has ended.
_REST_S = 2.0


@click.command()
@click.argument("workflow_id", metavar="ID")
@click.option(
    "--follow", "-f", is_flag=True, help="Go on until the workflow has ended; one JSON line each with --json."
)
@click.option("--from", "since", default="", metavar="TIME", help="Only lines from this time on (ISO 8601).")
@click.option("--to", "until", default="", metavar="TIME", help="Only lines before this time (ISO 8601).")
@click.option("--node", default="", help="Only lines of this node's tasks.")
@click.option("--text", default="", help="Only lines that contain this.")
@click.option("--service", default="", help="Only lines that this service shipped: worker, decision, ...")
@click.option("--level", default="", help="Only these, separated by commas: info, warning, error, output, ...")
@json_option
def logs(workflow_id: str, *, follow: bool, as_json: bool, **filters: Any) -> None:
    """Show what the tasks of a workflow logged and printed, and what services logged about it, by time."""
    from headrace.client.client import Client
    from headrace.client.commands import checked_id

    with Client() as client:
        if not follow:
            rows = client.logs(checked_id(workflow_id), **filters)
            if as_json:
                print_json(rows)
            else:
                for row in rows:
                    click.echo(line_of(row))
            return
        for row in followed(client, checked_id(workflow_id), filters):
            if as_json:
                print_json(row)
            else:
                click.echo(line_of(row))


def followed(client: Any, workflow_id: str, filters: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield lines as they come, until the workflow has ended and no more have come for a while."""
    from headrace.client.reads import ENDED

    unseen, rest_until = Unseen(filters["since"]), None
    while True:
        ended = client.get(workflow_id)["status"] in ENDED
        new = unseen.of(client.logs(workflow_id, **{**filters, "since": unseen.since()}))
        yield from new
        now = time.monotonic()
        if not ended or new or rest_until is None:
            rest_until = now + _REST_S
        if ended and now >= rest_until:
            return
        time.sleep(_PAUSE_S)


class Unseen:
    """Which of the lines that come again and again are new."""

    def __init__(self, first: str = "") -> None:
        """`first`: nothing before this time is asked for."""
        self._first = first
        self._seen: dict[tuple[int, int], str] = {}

    def since(self) -> str:
        """Return from which time on to ask, so that late lines are not missed; empty for the beginning."""
        if not self._seen:
            return self._first
        found = datetime.fromisoformat(max(self._seen.values())) - _OVERLAP
        return self._first if self._first and found < _time(self._first) else found.isoformat()

    def of(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the rows that are new, and remember all that may come again."""
        new = [row for row in rows if (row["partition"], row["offset"]) not in self._seen]
        # The latest one stays, whatever the time of its clock: it says from where on to ask.
        latest = max(self._seen.items(), key=lambda item: item[1], default=None)
        self._seen = dict([latest] if latest else []) | {(row["partition"], row["offset"]): row["at"] for row in rows}
        return new


def _time(text: str) -> datetime:
    """Return a time that the read API has understood; one without an offset is UTC."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def line_of(row: dict[str, Any]) -> str:
    """Return a line for people: when, how grave, who, what."""
    who = row.get("node") or row.get("task")
    if who:
        index, attempt = row.get("index"), row.get("attempt") or 1
        who += f"[{index}]" if index is not None else ""
        who += f"#{attempt}" if attempt > 1 else ""
    else:
        who = text_of(row.get("service"))
    text = f"{text_of(row.get('at'))}  {text_of(row.get('level')):<7}  {who}@{text_of(row.get('source'))}: "
    fields = row.get("fields")
    exception = fields.get("exception", "") if isinstance(fields, dict) else ""
    return text + text_of(row.get("message")) + (f"\n{exception}".rstrip() if exception else "")
