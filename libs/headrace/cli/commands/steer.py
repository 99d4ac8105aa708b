"""`headrace signal`, `pause`, `resume`, `migrate` and `retry`: what a workflow is told while it runs, or after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from headrace.cli.commands.start import read_json, wait_for_end
from headrace.cli.output import json_option, print_json
from headrace.cli.seconds import Seconds
from headrace.cli.selection import one_or_all, where_options

if TYPE_CHECKING:
    from headrace.client.client import Client


@click.command()
@click.argument("names", metavar="[ID] NAME", nargs=-1)
@click.option("--data", default=None, metavar="JSON|@FILE|-", help="What goes along; null unless given.")
@where_options
@json_option
def signal(names: tuple[str, ...], data: str | None, where: str | None, *, yes: bool, as_json: bool) -> None:
    """Send the signal NAME to the workflow ID, or with --where to all that it finds."""
    if len(names) != (2 if where is None else 1):
        expected = "ID and NAME" if where is None else "NAME alone, with --where"
        raise click.UsageError(f"Expected {expected}, but found {' '.join(names) or 'nothing'}")
    workflow_id, name = (None if where is not None else names[0]), names[-1]
    value = None if data is None else read_json(data, "--data")

    def act(client: Client, each: str) -> dict[str, Any]:
        return {"id": each, "position": client.signal(each, name, value, wait=True), "signal": name}

    def told(sent: dict[str, Any]) -> str:
        return f"{sent['id']} got {sent['signal']} (position {sent['position']})"

    one_or_all(f"signal {name} to", workflow_id, where, act, told, yes=yes, as_json=as_json)


@click.command()
@click.argument("workflow_id", metavar="ID", required=False)
@where_options
@click.option("--reason", default="", help="Stands in the history.")
@json_option
def pause(workflow_id: str | None, where: str | None, reason: str, *, yes: bool, as_json: bool) -> None:
    """Let a workflow stand still until it is resumed; what comes for it meanwhile is recorded."""

    def act(client: Client, each: str) -> dict[str, Any]:
        return _standing(client, each, client.pause(each, reason, wait=True))

    one_or_all("pause", workflow_id, where, act, _told, yes=yes, as_json=as_json, statuses="RUNNING")


@click.command()
@click.argument("workflow_id", metavar="ID", required=False)
@where_options
@click.option("--reason", default="", help="Stands in the history.")
@json_option
def resume(workflow_id: str | None, where: str | None, reason: str, *, yes: bool, as_json: bool) -> None:
    """Let a paused workflow go on, or try one again that is stuck."""

    def act(client: Client, each: str) -> dict[str, Any]:
        return _standing(client, each, client.resume(each, reason, wait=True))

    one_or_all("resume", workflow_id, where, act, _told, yes=yes, as_json=as_json, statuses="PAUSED,STUCK")


@click.command()
@click.argument("workflow_id", metavar="ID", required=False)
@where_options
@click.option("--to", "version", default="", metavar="VERSION", help="Version to move to; the latest unless given.")
@click.option("--dry-run", is_flag=True, help="Only replay, and say whether it agrees.")
@json_option
def migrate(
    workflow_id: str | None, where: str | None, version: str, *, dry_run: bool, yes: bool, as_json: bool
) -> None:
    """Move a workflow to another version of its definition, if a replay of its record with it agrees.

    Where it does not, the error says at which step they part, and the workflow stays as it is.
    """

    def act(client: Client, each: str) -> dict[str, Any]:
        found = _standing(client, each, client.migrate(each, version, dry_run=dry_run, wait=True))
        return {**found, "dry_run": dry_run}

    def told(done: dict[str, Any]) -> str:
        if dry_run:
            return f"{done['id']} agrees with {version or 'the latest version'}"
        return f"{done['id']} runs on {done['version']} (position {done['position']})"

    one_or_all("migrate", workflow_id, where, act, told, yes=yes or dry_run, as_json=as_json)


@click.command()
@click.argument("workflow_id", metavar="ID")
@click.option("--from", "from_task", default="", metavar="TASK", help="Run this task again, and all after it.")
@click.option("--input", "input_text", default=None, metavar="JSON|@FILE|-", help="Another input.")
@click.option("--version", default="", help="Version of the definition; the latest unless given.")
@click.option("--wait", is_flag=True, help="Wait for the end; exit 1 when it is no success.")
@click.option("--timeout", type=Seconds(), default=None, metavar="SECONDS", help="How long to wait; exit 3 after it.")
@json_option
def retry(
    workflow_id: str,
    from_task: str,
    input_text: str | None,
    version: str,
    *,
    wait: bool,
    timeout: float | None,
    as_json: bool,
) -> None:
    """Run a failed workflow again: what has succeeded is taken over, and it goes on at what failed.

    With --input, what the change reaches runs again, and the rest is taken over.
    """
    from headrace.client.client import Client, Handle
    from headrace.client.commands import NO_INPUT

    value = NO_INPUT if input_text is None else read_json(input_text, "--input")
    with Client() as client:
        position = client.retry(workflow_id, from_task=from_task, input=value, version=version, wait=True)
        if wait:
            wait_for_end(client, Handle(client, workflow_id, position=position), timeout, as_json=as_json)
            return
        done = _standing(client, workflow_id, position)
    if as_json:
        print_json(done)
    else:
        click.echo(f"{workflow_id} runs again as attempt {done['attempt']} (position {position})")


def _standing(client: Client, workflow_id: str, position: str) -> dict[str, Any]:
    """Return how a workflow stands once the command at a position has been decided."""
    after = client.get(workflow_id, after=position)
    shown = {name: after.get(name) for name in ("status", "version", "attempt")}
    return {"id": workflow_id, "position": position, **shown}


def _told(done: dict[str, Any]) -> str:
    return f"{done['id']} is {done['status']} (position {done['position']})"
