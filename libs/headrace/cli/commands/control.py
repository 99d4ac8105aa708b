"""`headrace cancel` and `headrace terminate`, each for one workflow or for all that `--where` finds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from headrace.cli.output import json_option, print_json

if TYPE_CHECKING:
    from headrace.client.client import Client

# One command line that ends more than this is more likely a mistake in the expression than a wish.
MAX_AT_ONCE = 1_000


@click.command()
@click.argument("workflow_id", metavar="ID", required=False)
@click.option("--where", default=None, metavar="EXPR", help="All running workflows that an expression finds.")
@click.option("--reason", default="", help="Stands in the history.")
@json_option
def cancel(workflow_id: str | None, where: str | None, reason: str, *, as_json: bool) -> None:
    """Ask a workflow to end; it may clean up first."""
    _end("cancel", workflow_id, where, reason, as_json=as_json)


@click.command()
@click.argument("workflow_id", metavar="ID", required=False)
@click.option("--where", default=None, metavar="EXPR", help="All running workflows that an expression finds.")
@click.option("--reason", default="", help="Stands in the history.")
@json_option
def terminate(workflow_id: str | None, where: str | None, reason: str, *, as_json: bool) -> None:
    """End a workflow at once, without any clean-up."""
    _end("terminate", workflow_id, where, reason, as_json=as_json)


def _end(verb: str, workflow_id: str | None, where: str | None, reason: str, *, as_json: bool) -> None:
    from headrace.client.client import Client

    if (workflow_id is None) == (where is None):
        raise click.UsageError(
            "Expected either an ID or --where, but found " + ("neither" if where is None else "both")
        )
    with Client() as client:
        wanted = [workflow_id] if workflow_id is not None else _found(client, where or "")
        send = client.cancel if verb == "cancel" else client.terminate
        done = []
        for each in wanted:
            position = send(each, reason)
            done.append({"id": each, "position": position})
            if workflow_id is not None:
                # Tells of a missing workflow, and returns only when the command has been decided.
                client.get(each, after=position)
    if as_json:
        print_json(done[0] if workflow_id is not None else done)
        return
    for sent in done:
        click.echo(f"{sent['id']} {'asked to end' if verb == 'cancel' else 'terminated'} (position {sent['position']})")


def _found(client: Client, where: str) -> list[str]:
    rows = client.list(limit=MAX_AT_ONCE + 1, status="RUNNING,STUCK", where=where)
    if len(rows) > MAX_AT_ONCE:
        raise click.UsageError(
            f"Expected --where to find at most {MAX_AT_ONCE} workflows, but it finds more; narrow it down"
        )
    return [row["id"] for row in rows]
