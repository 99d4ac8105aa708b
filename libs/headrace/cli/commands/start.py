"""`headrace start`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.failures import NOT_REACHABLE, Failure
from headrace.cli.joined import has_joined
from headrace.cli.joined import text as joined_text
from headrace.cli.output import json_option, print_json, text_of
from headrace.cli.seconds import Seconds
from headrace.cli.waits import why

if TYPE_CHECKING:
    from headrace.client.client import Client, Handle
    from headrace.client.errors import TimedOut

# Without --wait: how long to look whether the start was refused.
_LOOK_S = 10.0


@click.command()
@click.argument("name")
@click.option("--id", "workflow_id", default="", help="Id of the workflow; a fresh one unless given.")
@click.option("--version", default="", help="Version of the definition; the latest unless given.")
@click.option("--input", "input_text", default=None, metavar="JSON|@FILE|-", help="Input as JSON; {} unless given.")
@click.option(
    "--if-exists",
    type=click.Choice(["join", "fail", "rerun"]),
    default="join",
    show_default=True,
    help="When the id is in use.",
)
@click.option("--key", default="", help="Runs under the same key see each other's last result.")
@click.option("--wait", is_flag=True, help="Wait for the end; exit 1 when it is no success.")
@click.option(
    "--timeout",
    type=Seconds(),
    default=None,
    metavar="SECONDS",
    help="How long to wait; exit 3 after it.",
)
@json_option
def start(
    *,
    name: str,
    workflow_id: str,
    version: str,
    input_text: str | None,
    if_exists: str,
    key: str,
    wait: bool,
    timeout: float | None,
    as_json: bool,
) -> None:
    """Start the workflow NAME (or NAME@VERSION)."""
    from headrace.client.client import Client

    value = {} if input_text is None else read_json(input_text, "--input")
    with Client() as client:
        handle = client.start(name, value, id=workflow_id, version=version, if_exists=if_exists, key=key)
        # Nothing exists under a fresh id, and the other choices join nothing.
        may_join = bool(workflow_id) and if_exists == "join"
        if wait:
            wait_for_end(client, handle, timeout, may_join=may_join, as_json=as_json)
        else:
            _look(client, handle, _LOOK_S if timeout is None else timeout, may_join=may_join, as_json=as_json)


def read_json(given: str, option: str) -> Any:
    """Return the JSON of an option: the text itself, `@FILE`, or `-` for stdin.

    Raises:
        click.BadParameter: it is no JSON, or the file cannot be read.
    """
    try:
        if given == "-":
            text = sys.stdin.read()
        else:
            text = Path(given[1:]).read_text(encoding="utf-8") if given.startswith("@") else given
    except (OSError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"Expected a file that can be read, but {error}", param_hint=option) from error
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        shown = text if len(text) <= 60 else text[:57] + "..."
        raise click.BadParameter(f"Expected JSON, but found {shown!r}: {error}", param_hint=option) from error


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _look(client: Client, handle: Handle, timeout_s: float, *, may_join: bool, as_json: bool) -> None:
    """Learn whether the start was refused; where the read API cannot tell, say so: the command is on its way all the
    same.
    """
    from headrace.client import reads
    from headrace.client.errors import NoSuchWorkflow, NotReachable

    found: dict[str, Any] = {"id": handle.id, "position": handle.position, "status": ""}
    try:
        answer = client.get(handle.id, after=handle.position, fresh_s=min(timeout_s, reads.FRESH_S))
    except (NotReachable, NoSuchWorkflow) as error:
        click.echo(f"Warning: the start is published, but what became of it cannot be seen: {error}", err=True)
    else:
        refusal = reads.refusal(answer, handle.id, handle.command_id)
        if refusal is not None:
            raise refusal
        found["status"] = answer["status"]
        if may_join and has_joined(client, handle):
            found["joined"] = True
    if as_json:
        print_json(found)
    elif "joined" in found:
        click.echo(joined_text(handle.id, found["status"]))
    else:
        click.echo(f"{handle.id} {found['status'].lower() or 'published'} (position {handle.position})")


def wait_for_end(
    client: Client, handle: Handle, timeout_s: float | None, *, may_join: bool = False, as_json: bool
) -> None:
    """Wait for the end of a workflow, and print its output.

    Raises:
        WorkflowFailed: it ended otherwise than by success.
        TimedOut: it still runs; the text says what it waits for.
    """
    from headrace.cli.progress import progress
    from headrace.client.errors import TimedOut, WorkflowFailed
    from headrace.client.results import fetched

    try:
        with progress(handle.id) as seen:
            answer = client.wait(handle, timeout_s, seen=seen)
        answer = answer | {"output": fetched(answer["output"], client.settings)}
    except WorkflowFailed as error:
        joined = _tell_joined(client, handle, error.status) if may_join else {}
        if as_json:
            print_json(client.get(handle.id) | joined)
        raise
    except TimedOut as error:
        if may_join:
            _tell_joined(client, handle, "RUNNING")
        raise _explained(client, handle, error) from error
    joined = _tell_joined(client, handle, answer["status"]) if may_join else {}
    if as_json:
        print_json(answer | joined)
    else:
        if not joined:
            click.echo(f"{handle.id} succeeded", err=True)
        click.echo(text_of(answer["output"]) or "null")


def _tell_joined(client: Client, handle: Handle, status: str) -> dict[str, Any]:
    """Say on stderr that the end is that of an earlier start, and return what JSON says of it; {} if it is not."""
    if not has_joined(client, handle):
        return {}
    click.echo(joined_text(handle.id, status), err=True)
    return {"joined": True}


def _explained(client: Client, handle: Handle, error: TimedOut) -> Exception:
    """Return what to raise when time is over: the same, with the reason when the workflow waits for something."""
    from headrace.client.errors import ClientError

    try:
        waits = why(client, client.get(handle.id))
    except ClientError:
        waits = []
    return Failure(f"{error}: {'; '.join(waits)}", NOT_REACHABLE) if waits else error
