"""`headrace cancel` and `headrace terminate`, each for one workflow or for all that `--where` finds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.output import json_option
from headrace.cli.selection import one_or_all, where_options

if TYPE_CHECKING:
    from headrace.client.client import Client

_CLOSED = frozenset({"SUCCEEDED", "FAILED", "CANCELLED", "TERMINATED", "TIMED_OUT"})


@click.command()
@click.argument("workflow_id", metavar="ID", required=False)
@where_options
@click.option("--reason", default="", help="Stands in the history.")
@json_option
def cancel(workflow_id: str | None, where: str | None, reason: str, *, yes: bool, as_json: bool) -> None:
    """Ask a workflow to end; it may clean up first."""
    _end("cancel", workflow_id, where, reason, yes=yes, as_json=as_json)


@click.command()
@click.argument("workflow_id", metavar="ID", required=False)
@where_options
@click.option("--reason", default="", help="Stands in the history.")
@json_option
def terminate(workflow_id: str | None, where: str | None, reason: str, *, yes: bool, as_json: bool) -> None:
    """End a workflow at once, without any clean-up."""
    _end("terminate", workflow_id, where, reason, yes=yes, as_json=as_json)


def _end(verb: str, workflow_id: str | None, where: str | None, reason: str, *, yes: bool, as_json: bool) -> None:
    def act(client: Client, each: str) -> dict[str, Any]:
        if workflow_id is not None:
            return _end_one(client, verb, each, reason)
        # What `--where` finds is open, as far as anybody can tell before the command.
        return {"id": each, "position": (client.cancel if verb == "cancel" else client.terminate)(each, reason)}

    def told(sent: Mapping[str, Any]) -> str:
        if sent.get("already_ended"):
            return f"{sent['id']} has already ended as {sent['status']}"
        return f"{sent['id']} {'asked to end' if verb == 'cancel' else 'terminated'} (position {sent['position']})"

    one_or_all(verb, workflow_id, where, act, told, yes=yes, as_json=as_json)


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
