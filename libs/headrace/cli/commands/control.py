"""`headrace cancel` and `headrace terminate`, each for one workflow or for all that `--where` finds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.output import json_option, print_json

if TYPE_CHECKING:
    from headrace.client.client import Client

# One command line that ends more than this is more likely a mistake in the expression than a wish.
MAX_AT_ONCE = 1_000
_CLOSED = frozenset({"SUCCEEDED", "FAILED", "CANCELLED", "TERMINATED", "TIMED_OUT"})


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
        if workflow_id is not None:
            found = _end_one(client, verb, workflow_id, reason)
            if as_json:
                print_json(found)
            else:
                click.echo(_told(verb, found))
            return
        send = client.cancel if verb == "cancel" else client.terminate
        done = [{"id": each, "position": send(each, reason)} for each in _found(client, where or "")]
    if as_json:
        print_json(done)
        return
    for sent in done:
        click.echo(_told(verb, sent))
    if not done:
        click.echo("0 workflows found")


def _end_one(client: Client, verb: str, workflow_id: str, reason: str) -> dict[str, Any]:
    """Send the command, and return what became of it once it has been decided.

    Raises:
        NoSuchWorkflow: there is none of this id.
        NotReachable: Kafka did not take the command, or nobody can tell what became of it.
    """
    before = _seen(client, workflow_id)
    position = (client.cancel if verb == "cancel" else client.terminate)(workflow_id, reason)
    after = client.get(workflow_id, after=position)
    return {
        "id": workflow_id,
        "position": position,
        "status": after["status"],
        "already_ended": had_ended(verb, before, after),
    }


def _seen(client: Client, workflow_id: str) -> dict[str, Any] | None:
    """Return the workflow as it is now; None where nobody can tell, which is no reason not to send the command."""
    from headrace.client.errors import ClientError

    try:
        return client.get(workflow_id)
    except ClientError:
        return None


def had_ended(verb: str, before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> bool:
    """Tell from a workflow as it was read before and after a command whether there was nothing left to end."""
    if after["status"] not in _CLOSED:
        return False
    if verb == "terminate" and after["status"] != "TERMINATED":
        return True  # what was read before was behind
    return before is not None and before["status"] in _CLOSED and before.get("attempt") == after.get("attempt")


def _told(verb: str, sent: Mapping[str, Any]) -> str:
    if sent.get("already_ended"):
        return f"{sent['id']} has already ended as {sent['status']}"
    return f"{sent['id']} {'asked to end' if verb == 'cancel' else 'terminated'} (position {sent['position']})"


def _found(client: Client, where: str) -> list[str]:
    rows = client.list(limit=MAX_AT_ONCE + 1, status="RUNNING,STUCK", where=where)
    if len(rows) > MAX_AT_ONCE:
        raise click.UsageError(
            f"Expected --where to find at most {MAX_AT_ONCE} workflows, but it finds more; narrow it down"
        )
    return [row["id"] for row in rows]
