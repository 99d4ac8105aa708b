"""`headrace get`, `list` and `history`: what the read API knows."""

from __future__ import annotations

from typing import Any

import click

from headrace.cli.output import json_option, print_fields, print_json, print_table, text_of
from headrace.cli.waits import why

_LIST_COLUMNS = ("id", "name", "version", "status", "started_at", "ended_at")
_GET_FIELDS = (
    *("id", "name", "version", "status", "reason", "input", "output", "error", "cause"),
    *("started_at", "ended_at", "attempt", "continued", "tasks", "search"),
)


@click.command()
@click.argument("workflow_id", metavar="ID")
@json_option
def get(workflow_id: str, *, as_json: bool) -> None:
    """Show one workflow. Exits 0 whatever its status is."""
    from headrace.client.client import Client
    from headrace.client.commands import checked_id

    with Client() as client:
        answer = client.get(checked_id(workflow_id))
        waits = [] if as_json else why(client, answer)
    if as_json:
        print_json(answer)
        return
    fields = {name: answer.get(name) for name in _GET_FIELDS}
    print_fields({**fields, "continued": fields["continued"] or None})
    for name, value in (answer.get("published") or {}).items():
        click.echo(f"published {name}: {text_of(value.get('data'))}")
    for text in waits:
        click.echo(f"waits: {text}")


@click.command("list")
@click.option(
    "--status", default=None, help="RUNNING, SUCCEEDED, FAILED, CANCELLED, TERMINATED, TIMED_OUT, PAUSED or STUCK."
)
@click.option("--name", default=None, help="Name of the definition.")
@click.option("--where", default=None, metavar="EXPR", help="An expression over the workflow's fields.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="How many at most.")
@json_option
def list_workflows(status: str | None, name: str | None, where: str | None, limit: int, *, as_json: bool) -> None:
    """List workflows, newest first."""
    from headrace.client.client import Client

    with Client() as client:
        rows = client.list(limit=limit, status=status.upper() if status else None, name=name, where=where)
    if as_json:
        print_json(rows)
    else:
        print_table(rows, _LIST_COLUMNS)


@click.command()
@click.argument("workflow_id", metavar="ID")
@click.option("--whole", is_flag=True, help="With payloads of any length, as `headrace replay` needs them.")
@json_option
def history(workflow_id: str, *, whole: bool, as_json: bool) -> None:
    """Show the events of a workflow, in order."""
    from headrace.client.client import Client
    from headrace.client.commands import checked_id

    with Client() as client:
        rows = client.history(checked_id(workflow_id), whole=whole)
    if as_json:
        print_json(rows)
        return
    for row in rows:
        click.echo(f"{text_of(row.get('at'))}  {text_of(row.get('type')):<20}  {_rest(row)}".rstrip())


def _rest(row: dict[str, Any]) -> str:
    """Return the fields of an event that are worth a line: short ones, and no ids that are the same on every line."""
    detail = row.get("detail")
    fields = {**row, **(detail if isinstance(detail, dict) else {})}
    left_out = {"at", "type", "detail", "workflow_id", "run_id", "source", "partition", "offset", "seq", "trace"}
    shown = {name: text_of(value) for name, value in fields.items() if name not in left_out and value not in (None, "")}
    return " ".join(f"{name}={text if len(text) <= 80 else text[:77] + '...'}" for name, text in shown.items())
