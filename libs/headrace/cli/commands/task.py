"""`headrace task`: completes, fails or keeps alive what a workflow waits for, by the token that it gave out."""

from __future__ import annotations

import click

from headrace.cli.commands.start import read_json
from headrace.cli.output import json_option, print_json


@click.group()
def task() -> None:
    """Complete, fail or keep alive what a workflow waits for (ctx.callback), by its token."""


@task.command()
@click.argument("token")
@click.option("--output", default="null", metavar="JSON|@FILE|-", help="The result; null unless given.")
@json_option
def complete(token: str, output: str, *, as_json: bool) -> None:
    """Complete it: the workflow goes on with the result."""
    from headrace.client.client import Client

    value = read_json(output, "--output")
    with Client() as client:
        position = client.complete(token, value, wait=True)
    _tell("completed", position, as_json=as_json)


@task.command()
@click.argument("token")
@click.option("--error", required=True, help="Name of the error that the workflow sees.")
@click.option("--cause", default="", help="Text that explains the error.")
@json_option
def fail(token: str, error: str, cause: str, *, as_json: bool) -> None:
    """Fail it: the workflow sees the error."""
    from headrace.client.client import Client

    with Client() as client:
        position = client.fail(token, error, cause, wait=True)
    _tell("failed", position, as_json=as_json)


@task.command()
@click.argument("token")
@json_option
def heartbeat(token: str, *, as_json: bool) -> None:
    """Say that it is still being worked on."""
    from headrace.client.client import Client

    with Client() as client:
        position = client.heartbeat(token, wait=True)
    _tell("kept alive", position, as_json=as_json)


def _tell(done: str, position: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"done": done, "position": position})
    else:
        click.echo(f"{done} (position {position})")
